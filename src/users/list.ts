import type { UserKind } from '../permissions/permissions.js';
import type { Db } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';
import { canonical, findById, findByLogin, type User } from './users.js';

/** A pending sign-up is no user: it opens nothing and may expire tomorrow. */
const confirmed = { pendingUntil: null, deletedAt: null };

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Also a pending sign-up, by id or username. No username is as long as an id, so they cannot be confused. */
export async function findUser({ db }: { db: Db }, reference: string): Promise<User | null> {
  return uuid.test(reference) ? findById({ db }, reference) : findByLogin({ db }, reference);
}

/** At most `limit` users, by username. @param after the username before the first one */
export async function listUsers({ db }: { db: Db }, limit: number, after: string | undefined): Promise<User[]> {
  return db.user.findMany({
    orderBy: { usernameKey: 'asc' },
    take: limit,
    where: { ...confirmed, ...(after !== undefined && { usernameKey: { gt: canonical(after) } }) },
  });
}

type Search = { text: string; kind?: UserKind | undefined; limit: number; cursor?: string | undefined };

/** The text may be anywhere in username or e-mail, in any case. Oldest first; `cursor` is the last id already seen. */
export async function searchUsers(db: Db, { text, kind, limit, cursor }: Search): Promise<Page<User>> {
  // Both keys are lower-case ASCII; lower-casing more than ASCII would let U+212A find a k.
  const key = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const contains = { contains: likeLiteral(key) };
  // A key has its domain in ASCII, in which a part of a name is no part any more.
  const asTyped = isAscii(text) ? [] : [{ email: { contains: likeLiteral(text) } }, { emailKey: canonical(text) }];
  const matching = key === '' ? {} : { OR: [{ usernameKey: contains }, { emailKey: contains }, ...asTyped] };
  const found = await db.user.findMany({
    where: { ...confirmed, ...matching, ...(kind && { kind }), ...(cursor !== undefined && { id: { gt: cursor } }) },
    orderBy: { id: 'asc' },
    take: limit + 1,
  });
  return pageOf(found, limit);
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** Prisma does not escape LIKE's wildcards, and usernames may have an underscore. */
function likeLiteral(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
