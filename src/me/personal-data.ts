import type { Db } from '../platform/db/database.js';

/** The most rows of one kind; more than anybody has who is not a machine. */
const most = 100_000;

/**
 * All that is held about a user. Left out is only what would be of use to a thief and is of none to its owner: the
 * hashes of the password, of tokens and of session nonces.
 */
export async function exportUser({ db }: { db: Db }, userId: string) {
  const user = await db.user.findUnique({ where: { id: userId }, omit: { passwordHash: true } });
  if (!user) return null;
  // Who asked for a mail without being signed in is known by their address alone.
  const addresses = [user.email, user.pendingEmail].filter((address) => address !== null);
  const mailed = { OR: [{ userId }, { recipient: { in: addresses, mode: 'insensitive' as const } }] };
  const [sessions, todos, mails, tokens, events] = await Promise.all([
    db.session.findMany({ where: { userId }, omit: { nonceHash: true }, orderBy: { id: 'asc' }, take: most }),
    db.todo.findMany({ where: { userId }, orderBy: { id: 'asc' }, take: most }),
    db.outbox.findMany({ where: mailed, orderBy: { id: 'asc' }, take: most }),
    db.oneTimeToken.findMany({ where: { userId }, omit: { hash: true } }),
    db.auditEvent.findMany({ where: { OR: [{ userId }, { actorId: userId }] }, orderBy: { id: 'asc' }, take: most }),
  ]);
  return { user, sessions, todos, mails, tokens, events };
}

export type UserExport = NonNullable<Awaited<ReturnType<typeof exportUser>>>;
