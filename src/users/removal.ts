import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

/**
 * Takes away name, addresses, password, roles and the names of API keys: the name is free, and nobody finds the user. The
 * rows follow; those of keys stay a while without their names, so that they are refused as ended.
 */
export function markDeleted(userId: string): Prisma.Sql {
  return Prisma.sql`
    WITH keys AS (UPDATE api_key SET name = '', start = '' WHERE user_id = ${userId}::uuid)
    UPDATE "user" SET deleted_at = clock_timestamp(), disabled_at = clock_timestamp(), username = 'deleted',
      username_key = 'deleted:' || id, email = NULL, email_key = NULL, email_verified_at = NULL, pending_email = NULL,
      pending_email_key = NULL, password_hash = '', second_factor = 'off', roles = '{}', last_login_at = NULL
    WHERE id = ${userId}::uuid`;
}

/** Removes up to {@link batchSize} rows of each table of a deleted user, and the user if that was all. */
export async function removeSomeRows(db: Db, userId: string): Promise<void> {
  const tables = await tablesOfUsers(db);
  const parts = stepsFor(tables, userId).map((step, n) => Prisma.sql`${Prisma.raw(`rows${n}`)} AS (${step})`);
  await db.$executeRaw`WITH ${Prisma.join(parts)} SELECT`;
  await removeEmpty(db, tables, userId);
}

/** Removes what deletions left over; any instance can go on after a crash. */
export async function finishDeletions({ db }: { db: Db }): Promise<void> {
  const deleted = await db.user.findMany({ where: { deletedAt: { not: null } }, select: { id: true }, take: 100 });
  const tables = deleted.length === 0 ? [] : await tablesOfUsers(db);
  for (const { id } of deleted) {
    for (const step of stepsFor(tables, id)) await inBatches(db, step);
    await removeEmpty(db, tables, id);
  }
}

/** A table with rows of users, and its column with their ids; both quoted. */
type TableOfUsers = { name: string; column: string };

/** Each table whose rows go with their user, also the adopter's; and the outbox, which has no foreign key. */
async function tablesOfUsers(db: Db): Promise<TableOfUsers[]> {
  return db.$queryRaw<TableOfUsers[]>`
    SELECT k.conrelid::regclass::text AS name, quote_ident(a.attname) AS column
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.contype = 'f' AND k.confdeltype = 'c' AND k.confrelid = '"user"'::regclass AND k.conrelid <> k.confrelid
      AND cardinality(k.conkey) = 1
    UNION ALL SELECT 'outbox', 'user_id'`;
}

function stepsFor(tables: TableOfUsers[], userId: string): Prisma.Sql[] {
  const rows = tables.filter(({ name }) => name !== 'outbox').map((table) => someRows(table, userId));
  const mails = (which: Prisma.Sql) =>
    Prisma.sql`id IN (SELECT id FROM outbox WHERE user_id = ${userId}::uuid AND ${which} LIMIT ${batchSize})`;
  return [
    ...rows,
    Prisma.sql`DELETE FROM outbox WHERE ${mails(Prisma.sql`sent_at IS NULL`)}`,
    // Sent mails still count for their recipients, or deleting would allow as many again.
    Prisma.sql`UPDATE outbox SET user_id = NULL, detail = '{}' WHERE ${mails(Prisma.sql`sent_at IS NOT NULL`)}`,
  ];
}

function someRows({ name, column }: TableOfUsers, userId: string): Prisma.Sql {
  const [table, owner] = [Prisma.raw(name), Prisma.sql`${Prisma.raw(column)} = ${userId}::uuid`];
  // IS TRUE keeps the planner from its index: it would go through all rows of the user for each batch.
  return Prisma.sql`DELETE FROM ${table} WHERE (${owner}) IS TRUE
    AND ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${owner} LIMIT ${batchSize}))`;
}

async function removeEmpty(db: Db, tables: TableOfUsers[], userId: string): Promise<void> {
  const isEmpty = tables.map(
    ({ name, column }) =>
      Prisma.sql`NOT EXISTS (SELECT FROM ${Prisma.raw(name)} t WHERE t.${Prisma.raw(column)} = u.id)`,
  );
  await db.$executeRaw`
    DELETE FROM "user" u WHERE u.id = ${userId}::uuid AND u.deleted_at IS NOT NULL AND ${Prisma.join(isEmpty, ' AND ')}`;
}
