import type { Socket } from 'node:net';
import pg from 'pg';
import { createCircuitBreaker } from './circuit-breaker.js';

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, done: pg.PoolClient['release']) => void;

/**
 * A pool in which only one statement waits in vain, for `query_timeout` or `connectionTimeoutMillis`; then all others
 * are refused at once until the server answers a new connection. So a request fails within one wait, however many
 * statements it has. Errors are those that `isDatabaseUnavailable` knows.
 */
export class ServerPool extends pg.Pool {
  readonly #breaker = createCircuitBreaker();
  readonly #waiting = new Set<(why: Error) => void>();
  // Connections made since the last timeout. Older ones may be as dead as the one that timed out.
  #trusted = new WeakSet<pg.PoolClient>();

  constructor(config: pg.PoolConfig) {
    super(config);
    // Without a listener, a broken idle connection would end the process. The pool has already dropped it.
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

  /** A statement that goes before all that wait for a connection. */
  async queryFirst(text: string, values: unknown[]): Promise<void> {
    const client = await this.#take(true);
    // The statement rejects as well. Without a listener it would end the process.
    const ignore = () => undefined;
    client.on('error', ignore);
    let broken: Error | undefined;
    try {
      await client.query(text, values);
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  async #take(first = false): Promise<pg.PoolClient> {
    if (this.#breaker.isOpen()) throw noAnswer();
    for (;;) {
      const client = await this.#connectUnlessTripped(first);
      if (this.#trusted.has(client)) return client;
      client.release(true);
    }
  }

  #connectUnlessTripped(first: boolean): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      super.connect((error, client) => {
        if (!this.#waiting.delete(reject)) return client?.release();
        if (client) return resolve(client);
        if (TIMED_OUT.has(error?.message ?? '')) this.#trip();
        reject(error);
      });
      if (first) this.#moveLastToFront();
    });
  }

  // Missing from pg's types.
  #moveLastToFront(): void {
    const { _pendingQueue: queue } = this as unknown as { _pendingQueue: unknown[] };
    queue.unshift(...queue.splice(-1));
  }

  readonly #trip = () => {
    this.#breaker.trip();
    this.#trusted = new WeakSet();
    for (const refuse of this.#waiting) refuse(noAnswer());
    this.#waiting.clear();
  };
}

// pg's messages for a connection attempt without an answer; not for a pool that is fully in use.
const TIMED_OUT = new Set(['Connection terminated due to connection timeout', 'timeout expired', 'Query read timeout']);

function noAnswer(): Error {
  return Object.assign(new Error('The database has not answered lately.'), { code: 'ETIMEDOUT' });
}

// Missing from pg's types.
type Insides = { readyForQuery: boolean; connectionParameters: { query_timeout: number | false } };

// Just before pg's own limit, which keeps the connection in use: a ROLLBACK would queue behind the unanswered statement
// and take as long again.
const beforePgMs = 50;

/** Cuts a connection that was silent for `query_timeout` while an answer is due. */
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

// If ROLLBACK or COMMIT timed out, the adapter returns the connection with an open transaction: the next request's
// writes would join it and be lost. The pool drops a client that is ending.
function endUnlessIdle(_error: Error | undefined, client: pg.PoolClient): void {
  if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined);
}
