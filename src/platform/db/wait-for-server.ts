import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isDatabaseUnavailable, sqlState } from './errors.js';
import { serverAddress } from './session.js';

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
    if (!isDatabaseUnavailable(why) || isMistake(why)) return;
    if (!away) await onAway(why);
    await sleep(askAgainMs);
  }
}

// Wrong credentials or database name; or a pooler that refuses a startup parameter. Poolers give that the same state as
// a server that they cannot reach.
function isMistake(why: unknown): boolean {
  const state = sqlState(why) ?? '';
  return /^(28...|3D000)$/.test(state) || (state.startsWith('08') && /startup parameter/i.test(String(why)));
}

async function connectionError(url: string): Promise<unknown> {
  let client: pg.Client | undefined;
  try {
    // Also reads the files that the URL names.
    client = new pg.Client(serverAddress(url).config);
    client.on('error', () => undefined);
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    void client?.end().catch(() => undefined);
  }
}
