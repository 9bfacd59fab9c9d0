import type { Db } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';
import { canonical, findByLogin, type User } from './users.js';

/** Who counts as a user: a sign-up that still waits for its e-mail opens nothing, and may be gone tomorrow. */
const confirmed = { pendingUntil: null };

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The user of this id, username or e-mail, or the sign-up that waits for its e-mail under this id or username. No
 * username is as long as an id, so they can't be confused.
 */
export async function findUser({ db }: { db: Db }, reference: string): Promise<User | null> {
  return uuid.test(reference) ? db.user.findUnique({ where: { id: reference } }) : findByLogin({ db }, reference);
}

/** Users by username, `limit` of them at the most. @param after a username; what comes after it is listed */
export async function listUsers({ db }: { db: Db }, limit: number, after: string | undefined): Promise<User[]> {
  return db.user.findMany({
    orderBy: { usernameKey: 'asc' },
    take: limit,
    where: { ...confirmed, ...(after !== undefined && { usernameKey: { gt: canonical(after) } }) },
  });
}

/**
 * Users with the text anywhere in their username or e-mail, whatever its case; all of them for no text. The oldest
 * first; `cursor` is the id of the last one already seen.
 */
export async function searchUsers(
  db: Db,
  text: string,
  limit: number,
  cursor: string | undefined,
): Promise<Page<User>> {
  // Both keys are ASCII in lower case; lower-casing more than ASCII would find the k of a name by U+212A.
  const key = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const contains = { contains: likeLiteral(key) };
  const matching = key === '' ? {} : { OR: [{ usernameKey: contains }, { emailKey: contains }] };
  const found = await db.user.findMany({
    where: { ...confirmed, ...matching, ...(cursor !== undefined && { id: { gt: cursor } }) },
    orderBy: { id: 'asc' },
    take: limit + 1,
  });
  return pageOf(found, limit);
}

/** Prisma leaves LIKE's wildcards as they are: an underscore, which usernames may have, would be any character. */
function likeLiteral(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
