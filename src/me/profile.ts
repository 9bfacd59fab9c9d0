import { endTokens } from '../email/one-time-tokens.js';
import { AppError } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { fromUser, noticeMail, verificationMail } from '../platform/outbox/outbox.js';
import type { MailBell } from '../platform/outbox/wake.js';
import { lockUser } from '../sessions/end.js';
import { type CheckedUser, canonical, type User } from '../users/users.js';

type ProfileDeps = { db: Db; mailBell: MailBell };

/** A new e-mail address comes with the user whose password was checked for it. */
export type ProfileChange = {
  username?: string | undefined;
  email?: { address: string; checked: CheckedUser } | undefined;
};

/**
 * Changes the username at once, and the e-mail address once the link is opened that is mailed to it. Whether somebody
 * else has that address is not looked at, so nothing here tells it.
 * @returns the user as they are now; undefined where they are deleted
 * @throws AppError username_taken; invalid_credentials where the password that was checked is no longer current
 */
export async function changeProfile(
  { db, mailBell }: ProfileDeps,
  userId: string,
  { username, email }: ProfileChange,
  caller: Caller,
): Promise<User | undefined> {
  try {
    const user = await db.$transaction(async (tx) => {
      await lockUser(tx, userId);
      const before = await tx.user.findUnique({ where: { id: userId } });
      if (!before) return undefined;
      if (email && before.passwordHash !== email.checked.passwordHash) throw new AppError('invalid_credentials');
      if (email) await askForAddress(tx, before, email.address, caller);
      if (username !== undefined)
        await tx.user.update({ where: { id: userId }, data: { username, usernameKey: canonical(username) } });
      return (await tx.user.findUnique({ where: { id: userId } })) ?? undefined;
    });
    mailBell.ring();
    return user;
  } catch (error) {
    if (uniqueViolation(error) === 'username_key') throw new AppError('username_taken');
    throw error;
  }
}

/** The address that they have already is no change, and withdraws one that waits. */
async function askForAddress(tx: Transaction, user: User, address: string, caller: Caller): Promise<void> {
  const key = canonical(address);
  const isNew = key !== user.emailKey;
  if (!isNew && user.pendingEmailKey === null) return;
  await tx.user.update({
    where: { id: user.id },
    data: { pendingEmail: isNew ? address : null, pendingEmailKey: isNew ? key : null },
  });
  await endTokens(tx, user.id);
  if (!isNew) return;
  await tx.$executeRaw(verificationMail(fromUser(user.id)));
  await tx.$executeRaw(noticeMail('email_change_asked', fromUser(user.id), caller));
}
