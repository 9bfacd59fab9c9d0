import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../../errors.js';
import { Prisma, type Todo } from '../../generated/prisma/client.js';
import type { Db } from '../../platform/db/database.js';
import { isForeignKeyViolation } from '../../platform/db/errors.js';
import { type Page, pageOf } from '../../platform/http/paging.js';

export type { Todo };

/** The user's todos, oldest first; `cursor` is the id of the last one already seen. */
export async function list(db: Db, userId: string, limit: number, cursor: string | undefined): Promise<Page<Todo>> {
  // One more than asked for shows whether there is a next page. UUIDv7 ids sort by creation time.
  const found = await db.todo.findMany({
    where: { userId, ...(cursor && { id: { gt: cursor } }) },
    orderBy: { id: 'asc' },
    take: limit + 1,
  });
  return pageOf(found, limit);
}

/**
 * @param most how many the user may have. It bounds what one user can pile up: requests at the same moment may each see
 * room for one more.
 * @throws AppError quota_exceeded; session_revoked if the user was deleted a moment ago
 */
export async function create(
  db: Db,
  userId: string,
  { title, completed = false }: { title: string; completed?: boolean },
  most: number,
): Promise<Todo> {
  const held = Prisma.sql`SELECT count(*) FROM (SELECT FROM todo WHERE user_id = ${userId}::uuid LIMIT ${most}) AS held`;
  const statement = Prisma.sql`
    INSERT INTO todo (id, user_id, title, completed)
    SELECT ${uuidv7()}::uuid, ${userId}::uuid, ${title}, ${completed} WHERE (${held}) < ${most}
    RETURNING id, user_id AS "userId", title, completed, created_at AS "createdAt", updated_at AS "updatedAt"`;
  const [todo] = await db.direct<Todo>(statement).catch((error) => {
    throw isForeignKeyViolation(error) ? new AppError('session_revoked') : error;
  });
  if (!todo) throw new AppError('quota_exceeded', { detail: `You may have ${most} todos. Delete some first.` });
  return todo;
}

/** The todo; null if it does not exist or belongs to another user: the two look the same. */
export async function find(db: Db, userId: string, id: string): Promise<Todo | null> {
  return db.todo.findFirst({ where: { id, userId } });
}

/** @returns the changed todo; undefined if the user has no such todo */
export async function update(
  db: Db,
  userId: string,
  id: string,
  fields: { title?: string | undefined; completed?: boolean | undefined },
): Promise<Todo | undefined> {
  const data = {
    ...(fields.title !== undefined && { title: fields.title }),
    ...(fields.completed !== undefined && { completed: fields.completed }),
  };
  const [todo] = await db.todo.updateManyAndReturn({ where: { id, userId }, data });
  return todo;
}

/** @returns false if the user has no such todo */
export async function remove(db: Db, userId: string, id: string): Promise<boolean> {
  const { count } = await db.todo.deleteMany({ where: { id, userId } });
  return count === 1;
}
