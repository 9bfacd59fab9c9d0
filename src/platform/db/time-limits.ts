/**
 * How long the database may take, in milliseconds. A request on a hung server is answered within 3 s: it waits in vain
 * once, for a connection or for an answer (see `ServerPool`).
 */
export const TIME_LIMITS = {
  /** For the question whether it answers at all. `/readyz` keeps an answer for 500 ms, and tells the truth within 2 s. */
  ping: 1250,
  /** For a connection: a new one, or one of the pool's that comes free. */
  connect: 2000,
  /** The server stops a statement. Shorter than `query`, so that its own clear error comes first. */
  statement: 2000,
  /** The client gives up on a server that no longer answers at all. */
  query: 2250,
  /** The server stops waiting for a row or table lock. Shorter than `statement`: a better error. */
  lock: 1500,
  /** The server ends a session whose transaction does nothing. Longer than `transaction`: only for lost clients. */
  idleTransaction: 8000,
  /** Prisma waits this long for a transaction to start … */
  transactionStart: 2000,
  /** … and lets it be open this long. */
  transaction: 5000,
} as const;

/**
 * The promise's outcome, or a rejection after `limit` ms. The work itself goes on.
 */
export async function withinTimeLimit<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Query read timeout')), limit);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
