import { existsSync } from 'node:fs';

/** Where Debian's package puts it, unless `CHROMIUM` names another. */
export const chromiumPath = process.env.CHROMIUM || '/usr/bin/chromium';

/** Vitest's global setup: ends the run with one line where there is no browser. */
export function setup(): void {
  if (existsSync(chromiumPath)) return;
  process.stderr.write(
    `Browser tests need Chromium, and ${chromiumPath} is not there: \`apt-get install chromium\`, or set CHROMIUM.\n`,
  );
  process.exit(1);
}
