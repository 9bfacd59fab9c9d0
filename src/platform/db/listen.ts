import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

/** A connection of its own that hears one channel. */
export type Listener = {
  /**
   * One cheap query round this very connection. The server hands over what was notified before it answers, so
   * once this has come back, every earlier message has been given to `onMessage`. One at a time, please.
   *
   * @throws within `TIME_LIMITS.query` ms where the connection is dead, although nothing told us so.
   */
  ping(): Promise<void>;
  /** Ends the connection at once, a hung one too. `onLost` is not called for it. */
  close(): Promise<void>;
};

/**
 * Hears a channel.
 *
 * @param channel of lower-case letters and `_`, so that no quoting can differ.
 * @param onMessage is called with each payload. It must not throw.
 * @param onLost is called once, where the connection ends other than by `close`: the listener is done for then, and
 *   what was notified meanwhile is gone. It must not throw.
 * @throws within the time limits where the database can't be reached.
 */
export type Listen = (
  channel: string,
  onMessage: (payload: string) => void,
  onLost: (error: Error) => void,
) => Promise<Listener>;

/** `Listen` over a connection to a server. A pool's would come and go, and with it what it listens to. */
export function listenOnServer(connection: pg.ClientConfig): Listen {
  return async (channel, onMessage, onLost) => {
    const client = new pg.Client({ ...connection, keepAlive: true, keepAliveInitialDelayMillis: 1000 });
    const loss = onceUnlessClosed(onLost);
    client.on('error', loss.report);
    client.on('end', () => loss.report(new Error('The listening connection has ended.')));
    client.on('notification', (message) => {
      if (message.channel === channel) onMessage(message.payload ?? '');
    });
    await startListening(client, channel).catch((error: unknown) => {
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

async function startListening(client: pg.Client, channel: string): Promise<void> {
  await client.connect();
  await client.query(`LISTEN ${checkedName(channel)}`);
}

// `end()` says goodbye and waits for the server, which may hang. `LISTEN` ends with the connection anyway.
function destroy(client: pg.Client): void {
  client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

/** `Listen` over the one connection of an embedded database, which is never lost. */
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
  if (!/^[a-z_]+$/.test(channel)) throw new Error(`"${channel}" is no name for a channel.`);
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
