/** Prints a table: first column to the left, the rest to the right. */
function print(head, rows) {
  const lines = [head, ...rows].map((line) => line.map((cell) => String(cell ?? '–')));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = (line) =>
    line.map((cell, column) => (column < 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
  lines.splice(
    1,
    0,
    widths.map((width) => '-'.repeat(width)),
  );
  console.log(`\n${lines.map((line) => text(line).join('  ').trimEnd()).join('\n')}`);
}

/**
 * Throughput is what a caller gets; processor time for each request is what the server pays, which shows too where
 * the client or the database is the limit (a share of processor well below 1).
 */
export function printRatios(rows) {
  if (rows.length === 0) return;
  print(
    [
      '',
      'ours/s',
      'theirs/s',
      'RATIO',
      'target',
      'later',
      'µs cpu',
      'theirs',
      'by cpu',
      'p50/p99 ms',
      'theirs',
      'cpu share',
    ],
    rows.map(({ name, rival, ours, theirs, ratio, cpuRatio, target }) => [
      `${name} / ${rival}`,
      ours.perSecond,
      theirs.perSecond,
      ratio.toFixed(2),
      verdict(target.now, ratio >= target.now),
      verdict(target.later, ratio >= target.later),
      ours.cpuMicros,
      theirs.cpuMicros,
      cpuRatio.toFixed(2),
      `${ours.p50}/${ours.p99}`,
      `${theirs.p50}/${theirs.p99}`,
      `${ours.cpuShare}/${theirs.cpuShare}`,
    ]),
  );
}

export function printStartUp(rows) {
  if (rows.length === 0) return;
  print(
    ['', 'ready ms', 'target', 'cpu ms', 'MB at rest', 'target'],
    rows.map(({ name, readyMs, readyCpuMs, residentMb, target = {} }) => [
      name,
      readyMs,
      verdict(target.readyMs, readyMs < target.readyMs),
      readyCpuMs,
      residentMb,
      verdict(target.residentMb, residentMb < target.residentMb),
    ]),
  );
}

function verdict(target, met) {
  return target === undefined ? undefined : `${target} ${met ? '✓' : '✗'}`;
}
