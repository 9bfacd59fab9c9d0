import type { Db } from '../db/database.js';
import { canonical, findByLogin, type User } from './users.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The user of this id, username or e-mail. No username is as long as an id, so they can't be confused. */
export async function findUser({ db }: { db: Db }, reference: string): Promise<User | null> {
  return uuid.test(reference) ? db.user.findUnique({ where: { id: reference } }) : findByLogin({ db }, reference);
}

/** Users by username, `limit` of them at the most. @param after a username; what comes after it is listed */
export async function listUsers({ db }: { db: Db }, limit: number, after: string | undefined): Promise<User[]> {
  return db.user.findMany({
    orderBy: { usernameKey: 'asc' },
    take: limit,
    ...(after !== undefined && { where: { usernameKey: { gt: canonical(after) } } }),
  });
}
