import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { ServerAddress } from './session.js';

export type Listener = {
  /** Closes the connection at once, even a hung one, without calling `onLost`. */
  close(): Promise<void>;
};

/** What to do with the messages of each channel. Names are of lower-case letters, digits and `_`. */
export type Channels = Readonly<Record<string, (payload: string) => void>>;

/**
 * Listens on one connection, which hears messages in the order of their commits. The callbacks must not throw.
 * @param onLost is called once if the connection ends other than by `close`; later messages are lost
 * @throws within the time limits if the database is down
 */
export type Listen = (channels: Channels, onLost: (error: Error) => void) => Promise<Listener>;

/** Its own connection: a pool would close it, and LISTEN ends with the connection. */
export function listenOnServer({ config, prepare }: ServerAddress): Listen {
  return async (channels, onLost) => {
    const client = new pg.Client({ ...config, keepAlive: true, keepAliveInitialDelayMillis: 1000 });
    const loss = onceUnlessClosed(onLost);
    client.on('error', loss.report);
    client.on('end', () => loss.report(new Error('The listening connection has ended.')));
    client.on('notification', ({ channel, payload = '' }) => channels[channel]?.(payload));
    await startListening(client, prepare, channels).catch((error: unknown) => {
      loss.close();
      destroy(client);
      throw error;
    });
    return {
      close: async () => {
        loss.close();
        destroy(client);
      },
    };
  };
}

async function startListening(client: pg.Client, prepare: ServerAddress['prepare'], channels: Channels): Promise<void> {
  await client.connect();
  await prepare(client);
  await client.query(
    Object.keys(channels)
      .map((name) => `LISTEN ${checkedName(name)}`)
      .join('; '),
  );
}

// `end()` waits for the server, which may hang. `LISTEN` ends with the connection anyway.
function destroy(client: pg.Client): void {
  client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

/** An embedded database has one connection, which is never lost. */
export function listenOnEmbedded(pglite: PGlite): Listen {
  return async (channels) => {
    const all = Object.entries(channels).map(([name, onMessage]) => pglite.listen(checkedName(name), onMessage));
    const unlisten = await Promise.all(all);
    return {
      close: async () => {
        if (!pglite.closed) await Promise.all(unlisten.map((stop) => stop()));
      },
    };
  };
}

function checkedName(channel: string): string {
  if (!/^[a-z_][a-z_0-9]*$/.test(channel)) throw new Error(`"${channel}" is not a valid name for a channel.`);
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
