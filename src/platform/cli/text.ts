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

export function time(date: Date | null): string | null {
  return date?.toISOString().replace(/\.\d+Z$/, 'Z') ?? null;
}
