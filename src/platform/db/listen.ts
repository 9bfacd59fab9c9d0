import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { ServerAddress } from './session.js';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

export type Listener = {
  /**
   * A query on this connection. The server delivers earlier notifications before it answers, so they have all reached
   * `onMessage`. One at a time.
   * @throws within `TIME_LIMITS.query` ms if the connection is dead without an error
   */
  ping(): Promise<void>;
  /** Closes the connection at once, even a hung one, without calling `onLost`. */
  close(): Promise<void>;
};

/**
 * Listens to a channel. The callbacks must not throw.
 * @param channel lower-case letters and `_`, so that quoting makes no difference
 * @param onLost is called once if the connection ends other than by `close`; later notifications are lost
 * @throws within the time limits if the database is down
 */
export type Listen = (
  channel: string,
  onMessage: (payload: string) => void,
  onLost: (error: Error) => void,
) => Promise<Listener>;

/** Its own connection: a pool would close it, and LISTEN ends with the connection. */
export function listenOnServer({ config, prepare }: ServerAddress): Listen {
  return async (channel, onMessage, onLost) => {
    const client = new pg.Client({ ...config, keepAlive: true, keepAliveInitialDelayMillis: 1000 });
    const loss = onceUnlessClosed(onLost);
    client.on('error', loss.report);
    client.on('end', () => loss.report(new Error('The listening connection has ended.')));
    client.on('notification', (message) => {
      if (message.channel === channel) onMessage(message.payload ?? '');
    });
    await startListening(client, prepare, channel).catch((error: unknown) => {
      loss.close();
      destroy(client);
      throw error;
    });
    return {
      ping: async () => void (await client.query('SELECT 1')),
      close: async () => {
        loss.close();
        destroy(client);
      },
    };
  };
}

async function startListening(client: pg.Client, prepare: ServerAddress['prepare'], channel: string): Promise<void> {
  await client.connect();
  await prepare(client);
  await client.query(`LISTEN ${checkedName(channel)}`);
}

// `end()` waits for the server, which may hang. `LISTEN` ends with the connection anyway.
function destroy(client: pg.Client): void {
  client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

/** An embedded database has one connection, which is never lost. */
export function listenOnEmbedded(pglite: PGlite): Listen {
  return async (channel, onMessage) => {
    const unlisten = await pglite.listen(checkedName(channel), onMessage);
    return {
      ping: async () => void (await withinTimeLimit(TIME_LIMITS.query, pglite.query('SELECT 1'))),
      close: async () => {
        if (!pglite.closed) await unlisten();
      },
    };
  };
}

function checkedName(channel: string): string {
  if (!/^[a-z_]+$/.test(channel)) throw new Error(`"${channel}" is not a valid name for a channel.`);
  return channel;
}

function onceUnlessClosed(onLost: (error: Error) => void): { report: (error: Error) => void; close: () => void } {
  let over = false;
  return {
    report: (error) => {
      if (over) return;
      over = true;
      onLost(error);
    },
    close: () => {
      over = true;
    },
  };
}
