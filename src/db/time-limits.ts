/**
 * How long the database may take, in milliseconds. Together they answer a request on a hung server within seconds:
 * at most `connect` for a connection and `query` for its answer.
 */
export const TIME_LIMITS = {
  /** For a connection: a new one, or one of the pool's that comes free. */
  connect: 2000,
  /** The server stops a statement. Shorter than `query`, so that its own clear error comes first. */
  statement: 2000,
  /** The client gives up on a server that no longer answers at all. */
  query: 2500,
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
