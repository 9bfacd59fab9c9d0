import type { TestApp } from './app.js';

/**
 * Counts the statements of a request, without BEGIN and COMMIT, what instances tell each other, and the mail worker.
 * @returns the request's status, and how many statements it sent
 */
export async function countedStatements(
  app: Pick<TestApp, 'deps' | 'statements'>,
  work: () => PromiseLike<{ status: number }>,
): Promise<[number, number]> {
  const [status, sent] = await withMailsHeld(app, async () => {
    app.statements.length = 0;
    return [(await work()).status, [...app.statements]] as const;
  });
  const own = sent.filter(
    (sql) =>
      !/^(BEGIN|COMMIT|SELECT 1$|-- Implicit "COMMIT")/.test(sql) &&
      !/^\s*SELECT.*FROM "?(public"\."?)?(revocation|signing_key)/s.test(sql),
  );
  return [status, own.length];
}

/** Mails wait until the work is done, so that the statements of the mail worker are not counted with it. */
async function withMailsHeld<T>({ deps }: Pick<TestApp, 'deps'>, work: () => PromiseLike<T>): Promise<T> {
  const { db, outboxWake } = deps;
  await db.$executeRaw`ALTER TABLE outbox ALTER due_at SET DEFAULT clock_timestamp() + interval '1 hour'`;
  try {
    return await work();
  } finally {
    await db.$executeRaw`ALTER TABLE outbox ALTER due_at SET DEFAULT clock_timestamp()`;
    await db.$executeRaw`UPDATE outbox SET due_at = clock_timestamp() WHERE sent_at IS NULL AND failed_at IS NULL`;
    outboxWake.wake();
  }
}
