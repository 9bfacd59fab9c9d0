export function table(headings: string[], rows: (string | null)[][], none: string): string {
  if (rows.length === 0) return none;
  const cells = [headings, ...rows.map((row) => row.map((cell) => (cell ? printable(cell) : '–')))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function fields(values: Record<string, string | null>): string {
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${value ? printable(value) : '–'}`)
    .join('\n');
}

/** Removes what a terminal would interpret: a stranger chooses the User-Agent that the operator sees. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '?');
}

/** Escapes the same in JSON, where `JSON.stringify` leaves some of it, so that programs read the same as before. */
export function printableJson(json: string): string {
  return json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => sign.split('').map(escaped).join(''));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export function time(date: Date | null): string | null {
  return date?.toISOString().replace(/\.\d+Z$/, 'Z') ?? null;
}
