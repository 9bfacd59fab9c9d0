import { existsSync } from 'node:fs';

/** The path of Debian's package, unless `CHROMIUM` names another. */
export const chromiumPath = process.env.CHROMIUM || '/usr/bin/chromium';

/** Vitest's global setup: ends the run with one line if there is no browser. */
export function setup(): void {
  if (existsSync(chromiumPath)) return;
  process.stderr.write(
    `Browser tests need Chromium, and ${chromiumPath} is not there: \`apt-get install chromium\`, or set CHROMIUM.\n`,
  );
  process.exit(1);
}
