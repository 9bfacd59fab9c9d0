import type { Db } from '../../src/platform/db/database.js';

/** The error that the promise rejects with. */
export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('This should have failed.');
}

/**
 * Violates unique indexes with Prisma (username, e-mail), with SQL (username, e-mail) and in a transaction (e-mail).
 */
export async function violateUniqueness(db: Db): Promise<unknown[]> {
  const user = (usernameKey: string, emailKey: string) => ({
    data: { id: crypto.randomUUID(), username: 'x', usernameKey, emailKey, passwordHash: 'x' },
  });
  await db.user.create(user('ann', 'ann@x'));
  return [
    await rejectionOf(db.user.create(user('ann', 'bob@x'))),
    await rejectionOf(db.user.create(user('bob', 'ann@x'))),
    await rejectionOf(
      db.$executeRaw`INSERT INTO "user" (id, username, username_key, password_hash)
                     VALUES (gen_random_uuid(), 'x', 'ann', 'x')`,
    ),
    await rejectionOf(
      db.$queryRaw`INSERT INTO "user" (id, username, username_key, email_key, password_hash)
                   VALUES (gen_random_uuid(), 'x', 'bob', 'ann@x', 'x') RETURNING id`,
    ),
    await rejectionOf(db.$transaction(async (tx) => await tx.user.create(user('bob', 'ann@x')))),
  ];
}

/** Makes the database raise each state. */
export async function raiseStates(db: Db, states: string[]): Promise<[string, unknown][]> {
  const raised: [string, unknown][] = [];
  for (const state of states) {
    const statement = `DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '${state}'; END $$`;
    raised.push([state, await rejectionOf(db.$executeRawUnsafe(statement))]);
  }
  return raised;
}
