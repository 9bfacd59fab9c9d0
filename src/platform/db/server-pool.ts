import type { Socket } from 'node:net';
import pg from 'pg';
import { createCircuitBreaker } from './circuit-breaker.js';

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, done: pg.PoolClient['release']) => void;

/**
 * A pool that lets nobody wait in vain twice. A statement that the server does not answer costs its asker
 * `query_timeout`, and a connection that is not to be had `connectionTimeoutMillis`; from then on every asker is
 * refused at once until the server has answered a new connection. So a request fails within one wait, however many
 * statements it would have sent. Errors are those that `isDatabaseUnavailable` knows.
 */
export class ServerPool extends pg.Pool {
  readonly #breaker = createCircuitBreaker();
  readonly #waiting = new Set<(why: Error) => void>();
  // Those made since the last wait in vain. The others may be as dead as the one that it was for.
  #trusted = new WeakSet<pg.PoolClient>();

  constructor(config: pg.PoolConfig) {
    super(config);
    // Without a listener, an idle connection that breaks would end the process. The pool has dropped it already.
    this.on('error', () => undefined);
    this.on('connect', (client) => {
      this.#breaker.reset();
      this.#trusted.add(client);
      cutWhenSilent(client, this.#trip);
    });
    this.on('release', endUnlessIdle);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const taken = this.#take();
    if (callback === undefined) return taken;
    taken.then(
      (client) => callback(undefined, client, client.release),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    return undefined;
  }

  async #take(): Promise<pg.PoolClient> {
    if (this.#breaker.isOpen()) throw noAnswer();
    for (;;) {
      const client = await this.#connectUnlessTripped();
      if (this.#trusted.has(client)) return client;
      client.release(true);
    }
  }

  #connectUnlessTripped(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      super.connect((error, client) => {
        if (!this.#waiting.delete(reject)) return client?.release();
        if (client) return resolve(client);
        if (TIMED_OUT.has(error?.message ?? '')) this.#trip();
        reject(error);
      });
    });
  }

  readonly #trip = () => {
    this.#breaker.trip();
    this.#trusted = new WeakSet();
    for (const refuse of this.#waiting) refuse(noAnswer());
    this.#waiting.clear();
  };
}

// What pg says of a connection that was begun and not answered; not that all connections are in use.
const TIMED_OUT = new Set(['Connection terminated due to connection timeout', 'timeout expired', 'Query read timeout']);

function noAnswer(): Error {
  return Object.assign(new Error('The database has not answered lately.'), { code: 'ETIMEDOUT' });
}

// Missing from pg's types.
type Insides = { readyForQuery: boolean; connectionParameters: { query_timeout: number | false } };

// A moment before pg's own limit, which leaves the connection in use: a ROLLBACK would queue behind the statement that
// is not answered, and cost as long again.
const beforePgMs = 50;

/** Cuts a connection on which nothing has come for as long as `query_timeout` while an answer is due. */
function cutWhenSilent(client: pg.PoolClient, report: () => void): void {
  const stream = client.connection.stream as Socket;
  const insides = client as unknown as Insides;
  const limit = insides.connectionParameters.query_timeout;
  if (!limit) return;
  stream.setTimeout(Math.max(1, limit - beforePgMs), () => {
    if (insides.readyForQuery) return;
    report();
    stream.destroy(new Error('Query read timeout'));
  });
}

// Where ROLLBACK or COMMIT ran out of time, the adapter still gives the connection back, with the transaction open:
// the next request's writes would be part of it, and be lost. The pool drops a client that is ending.
function endUnlessIdle(_error: Error | undefined, client: pg.PoolClient): void {
  if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined);
}
