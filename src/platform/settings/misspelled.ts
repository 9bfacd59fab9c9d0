type Misspelled = { name: string; meant: string };

/** Names that differ from a setting by case, underscores or one sign, so that they were surely meant for it. */
export function misspelledNames(given: string[], known: string[]): Misspelled[] {
  const plain = (name: string) => name.replaceAll(/[_-]/g, '').toUpperCase();
  return given
    .filter((name) => !known.includes(name))
    .flatMap((name) => {
      const meant = known.find((one) => plain(one) === plain(name) || isOneSignOff(one, name));
      return meant === undefined ? [] : [{ name, meant }];
    });
}

// Short names are near to too many others: HOST to PORT, APP_URL to API_URL.
const leastLength = 6;
const leastLengthForAnotherSign = 8;

/** One sign more, less or another, or two neighbours that changed places. */
function isOneSignOff(one: string, other: string): boolean {
  if (Math.min(one.length, other.length) < leastLength) return false;
  let same = 0;
  while (one[same] === other[same]) same++;
  const [a, b] = [one.slice(same), other.slice(same)];
  if (a.slice(1) === b || a === b.slice(1)) return true;
  if (a.slice(1) === b.slice(1)) return one.length >= leastLengthForAnotherSign;
  return `${a[1]}${a[0]}${a.slice(2)}` === b;
}
