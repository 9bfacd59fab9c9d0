import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';

/**
 * Says in the log that the access tokens of an earlier start are refused because `JWT_ISSUER` is another one now; by
 * default it contains PORT. The directory of the embedded database remembers the issuer in the file `issuer`.
 */
export async function reportNewIssuer(directory: string, issuer: string, log: Logger): Promise<void> {
  const file = join(directory, 'issuer');
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before === issuer) return;
  await writeFile(file, issuer, { mode: 0o600 });
  if (before === undefined) return;
  log.warn(
    { before, now: issuer },
    `access tokens of earlier starts are refused: the issuer has changed. Clients can refresh; or set JWT_ISSUER=${before}`,
  );
}
