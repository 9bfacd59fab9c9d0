import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isDatabaseUnavailable, sqlState } from './errors.js';
import { TIME_LIMITS } from './time-limits.js';

const askAgainMs = 100;

/**
 * Waits until the server that the URL names takes connections; an embedded database is there. It does not wait for what
 * somebody has to mend first, such as a wrong password: whoever opens the database hears of that.
 *
 * @param onAway is called once, where it has to wait, with why.
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

// Credentials, and a database's name, that the server does not know.
const MISTAKES = /^(28...|3D000)$/;

async function connectionError(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: TIME_LIMITS.connect });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    void client.end().catch(() => undefined);
  }
}
