/** Before this, a number means seconds: in milliseconds it would be March 1973. */
const FIRST_MILLISECONDS = 100_000_000_000;

/**
 * Reads the dates that exports have: RFC 3339, with a space for the T, with an offset of hours only or without one
 * (UTC), and seconds or milliseconds since 1970.
 * @returns undefined for anything else, and for dates that do not exist
 */
export function readDate(value: string | number): Date | undefined {
  const number = typeof value === 'number' || /^\d{9,13}$/.test(value) ? Number(value) : undefined;
  if (number !== undefined) return validDate(number < FIRST_MILLISECONDS ? number * 1000 : number);
  const [, day, time = '00:00:00', fraction = '', offset = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,9})?)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i.exec(
      String(value),
    ) ?? [];
  if (day === undefined || !exists(day)) return undefined;
  return validDate(Date.parse(`${day}T${time.padEnd(8, ':00')}${fraction.slice(0, 4)}${isoOffset(offset)}`));
}

function isoOffset(offset: string): string {
  const [, hours, minutes = '00'] = /^([+-]\d\d):?(\d\d)?$/.exec(offset) ?? [];
  return hours === undefined ? 'Z' : `${hours}:${minutes}`;
}

// Date.parse makes 1 March of 30 February.
function exists(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

function validDate(milliseconds: number): Date | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
