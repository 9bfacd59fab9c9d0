import { auditEvent } from '../audit/events.js';
import { enqueueVerification } from '../email/mails.js';
import { endTokens } from '../email/one-time-tokens.js';
import { type ProvenUser, requireStillProven } from '../passwords/proof.js';
import type { Caller } from '../platform/caller.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { canonical, fromUser, lockUser, takenError, type User } from '../users/users.js';

type ProfileDeps = { db: Db; outboxWake: Wake };

type ProfileChange = {
  username?: string | undefined;
  email?: { address: string; proven: ProvenUser } | undefined;
};

/**
 * Changes the username at once, and the e-mail address when the mailed link is opened. It does not check whether
 * another user has the address, so the response reveals nothing.
 * @throws AppError username_taken; invalid_credentials if what was proven does not hold any more
 */
export async function changeProfile(
  { db, outboxWake }: ProfileDeps,
  userId: string,
  { username, email }: ProfileChange,
  caller: Caller,
): Promise<User | undefined> {
  try {
    const user = await db.$transaction(async (tx) => {
      await lockUser(tx, userId);
      const before = await tx.user.findUnique({ where: { id: userId, deletedAt: null } });
      if (!before) return undefined;
      if (email) requireStillProven(before, email.proven);
      if (email) await askForAddress(tx, before, email.address, caller);
      if (username !== undefined && username !== before.username) await rename(tx, userId, username, caller);
      return (await tx.user.findUnique({ where: { id: userId } })) ?? undefined;
    });
    outboxWake.wake();
    return user;
  } catch (error) {
    throw takenError(error);
  }
}

async function rename(tx: Transaction, userId: string, username: string, caller: Caller): Promise<void> {
  await tx.user.update({ where: { id: userId }, data: { username, usernameKey: canonical(username) } });
  await tx.$executeRaw(auditEvent('username.changed', userId, { actorId: userId, caller }));
  await tx.$executeRaw(enqueueNotice('username_changed', fromUser(userId), caller));
}

/** The user's current address is no change; it withdraws a pending one. */
async function askForAddress(tx: Transaction, user: User, address: string, caller: Caller): Promise<void> {
  const key = canonical(address);
  const isNew = key !== user.emailKey;
  if (!isNew && user.pendingEmailKey === null) return;
  if (isNew && user.pendingEmailKey === key && (await wasJustAsked(tx, user))) return;
  await tx.user.update({
    where: { id: user.id },
    data: { pendingEmail: isNew ? address : null, pendingEmailKey: isNew ? key : null },
  });
  await endTokens(tx, user.id);
  if (!isNew) return;
  await tx.$executeRaw(enqueueVerification(fromUser(user.id)));
  await tx.$executeRaw(enqueueNotice('email_change_asked', fromUser(user.id), caller));
}

/** Asking for the same address again sends no second mail; `resend` does. */
async function wasJustAsked(tx: Transaction, { id, pendingEmail }: User): Promise<boolean> {
  const mails = await tx.$queryRaw<unknown[]>`
    SELECT FROM outbox WHERE user_id = ${id}::uuid AND created_at > clock_timestamp() - interval '1 hour'
      AND purpose = 'verify' AND recipient = ${pendingEmail} LIMIT 1`;
  return mails.length > 0;
}
