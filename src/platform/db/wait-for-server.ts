import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isDatabaseUnavailable, sqlState } from './errors.js';
import { TIME_LIMITS } from './time-limits.js';

const askAgainMs = 100;

/**
 * Waits until the server accepts connections, but not for what the operator must fix, such as a wrong password: opening
 * the database reports it.
 * @param onAway is called once, with the reason, if it has to wait
 */
export async function waitForServer(url: string, onAway: (why: unknown) => Promise<void>): Promise<void> {
  if (url.startsWith('pglite:')) return;
  for (let away = false; ; away = true) {
    const why = await connectionError(url);
    if (!isDatabaseUnavailable(why) || MISTAKES.test(sqlState(why) ?? '')) return;
    if (!away) await onAway(why);
    await sleep(askAgainMs);
  }
}

// Wrong credentials or database name.
const MISTAKES = /^(28...|3D000)$/;

async function connectionError(url: string): Promise<unknown> {
  let client: pg.Client | undefined;
  try {
    // Also reads the files that the URL names.
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: TIME_LIMITS.connect });
    client.on('error', () => undefined);
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    void client?.end().catch(() => undefined);
  }
}
