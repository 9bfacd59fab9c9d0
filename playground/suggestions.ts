const names = ['ada', 'alan', 'barbara', 'dennis', 'edsger', 'grace', 'hedy', 'joan', 'katherine', 'radia', 'tim'];
// Four of 32 are 20 bits, eight letters add 36: plenty behind a limit on guesses.
const things =
  'amber anchor apple arrow basin birch brass candle cedar clover copper ember fern flint garden harbor hazel ivory juniper lantern maple meadow meteor orchard pebble quartz river saddle thistle velvet walnut willow'.split(
    ' ',
  );
const letters = 'abcdefghijkmnpqrstuvwxyz';

function below(limit: number): number {
  // The remainder distorts by less than a millionth.
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % limit;
}

function some(count: number, from: string[] | string): string[] {
  return Array.from({ length: count }, () => from[below(from.length)] ?? '');
}

/** A username that is probably free: `ada-4821`. */
export function suggestUsername(): string {
  return `${some(1, names)}-${1000 + below(9000)}`;
}

/** A password to try: four words and eight letters, about 35 characters. */
export function suggestPassword(): string {
  const tail = some(8, letters).join('');
  return [...some(4, things), tail].join('-');
}
