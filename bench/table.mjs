/** Prints a table: the first column to the left, the others to the right. */
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
 * Throughput is what a client gets; processor time per request is what the server pays. That also shows when the client
 * or the database is the limit (a share of processor well below 1).
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

/** @param flood the result of `measureFlood` */
export function printFlood({ rounds, restMb, mostMb }) {
  const middle = (figure) => rounds.map(figure).sort((a, b) => a - b)[Math.floor(rounds.length / 2)];
  const kept = middle(({ quiet, flooded }) => flooded.perSecond / quiet.perSecond);
  const p99 = middle(({ flooded }) => flooded.p99);
  // One hash at once for each core of the server, and 64 MB.
  print(
    ['300 logins queued', 'quiet/s', 'flooded/s', 'kept', 'target', 'p99 ms', 'target', 'MB at rest', 'at most'],
    [
      [
        'GET /welcome',
        middle(({ quiet }) => quiet.perSecond),
        middle(({ flooded }) => flooded.perSecond),
        kept.toFixed(2),
        verdict(0.4, kept >= 0.4),
        p99,
        verdict(100, p99 < 100),
        restMb,
        mostMb,
      ],
    ],
  );
}

/** Figures by the size of the database, and the share left at the largest. */
export function printGrowth(sizes) {
  if (sizes.length === 0) return;
  const [first, last] = [sizes[0], sizes.at(-1)];
  print(
    ['requests/s with users', ...sizes.map(({ users }) => users), 'kept', 'target'],
    first.figures.map(({ name, perSecond }, row) => {
      const kept = last.figures[row].perSecond / perSecond;
      return [name, ...sizes.map(({ figures }) => figures[row].perSecond), kept.toFixed(2), verdict(0.9, kept >= 0.9)];
    }),
  );
}

function verdict(target, met) {
  return target === undefined ? undefined : `${target} ${met ? '✓' : '✗'}`;
}
