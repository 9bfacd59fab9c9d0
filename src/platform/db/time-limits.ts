/**
 * In milliseconds. On a hung server a request is answered within 3 s: it waits in vain only once (see `ServerPool`).
 */
export const TIME_LIMITS = {
  /** For `/readyz`, which keeps an answer for 500 ms: it notices an outage within 2 s. */
  ping: 1250,
  connect: 2000,
  /** The server cancels a statement. Shorter than `query`, so that its clearer error comes first. */
  statement: 2000,
  query: 2250,
  /** The server stops waiting for a lock. Shorter than `statement`: a clearer error. */
  lock: 1500,
  /** The server ends an idle transaction. Longer than `transaction`: only for lost clients. */
  idleTransaction: 8000,
  transactionStart: 2000,
  transaction: 5000,
} as const;

/** The promise's result, or a rejection after `limit` ms. The work itself continues. */
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
