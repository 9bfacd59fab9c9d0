import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { enqueueNotice, enqueueRequest } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { fromUser, lockUser, type User } from '../users/users.js';
import { enqueueVerification } from './mails.js';
import { endTokens, userOfToken, useToken } from './one-time-tokens.js';

type EmailDeps = { db: Db; outboxWake: Wake };

type VerifyDeps = EmailDeps & {
  passwords: { verify(hash: string | undefined, password: string, asker: Caller): Promise<boolean> };
};

export async function hasVerifiedEmail({ db }: { db: Db }, userId: string): Promise<boolean> {
  return (await db.user.count({ where: { id: userId, NOT: { emailVerifiedAt: null } } })) === 1;
}

/**
 * Queues a verification mail. The user is looked up when it is sent, so the response reveals nothing.
 * @param username which one, if several wait for the address
 */
export async function resendTo({ db, outboxWake }: EmailDeps, email: string, username?: string): Promise<void> {
  await db.$executeRaw(enqueueRequest('resend', email, username));
  outboxWake.wake();
}

export async function resendFor({ db, outboxWake }: EmailDeps, userId: string): Promise<void> {
  await db.$executeRaw(enqueueVerification(fromUser(userId)));
  outboxWake.wake();
}

/**
 * Verifies the address that a token was mailed to. If two users wait for the same address, the first to verify gets it.
 * @throws AppError invalid_one_time_token, also if another user has the address by now
 */
export async function verifyEmail(
  { db, outboxWake, passwords }: VerifyDeps,
  { token, password }: { token: string; password?: string | undefined },
  caller: Caller,
): Promise<void> {
  const userId = await userOfToken({ db }, 'verify', token);
  if (userId === undefined) throw new AppError('invalid_one_time_token');
  const actor = { actorId: userId, caller };
  const rival = await rivalOf({ db }, userId);
  if (rival) await needPassword(passwords, rival, password, caller);
  try {
    await db.$transaction(async (tx) => {
      await lockUser(tx, userId);
      const emailKey = await useToken(tx, 'verify', token);
      const user = await tx.user.findFirst({ where: { id: userId, disabledAt: null } });
      if (emailKey === undefined || !user) throw new AppError('invalid_one_time_token');
      await takeAddress(tx, user, emailKey, actor);
    });
  } catch (error) {
    if (uniqueViolation(error) === 'email_key') throw new AppError('invalid_one_time_token', { cause: error });
    throw error;
  }
  outboxWake.wake();
}

type Rival = { username: string; passwordHash: string | null };

/**
 * The user, if another one waits for the same address and a sign-up is among them. Then a click alone does not say
 * whose sign-up the reader means: a stranger may have signed up with the same address, so that its owner confirms it.
 */
async function rivalOf({ db }: { db: Db }, userId: string): Promise<Rival | undefined> {
  const [rival] = await db.$queryRaw<Rival[]>`
    SELECT u.username, u.password_hash AS "passwordHash" FROM "user" u
    WHERE u.id = ${userId}::uuid AND EXISTS (
      SELECT FROM "user" o WHERE o.pending_email_key = u.pending_email_key AND o.id <> u.id
        AND (o.pending_until > clock_timestamp() OR (o.pending_until IS NULL AND u.pending_until IS NOT NULL)))`;
  return rival;
}

/** @throws AppError validation_failed without a password, invalid_credentials with a wrong one */
async function needPassword(
  passwords: VerifyDeps['passwords'],
  { username, passwordHash }: Rival,
  password: string | undefined,
  caller: Caller,
): Promise<void> {
  if (password === undefined) {
    const message = `Someone else signed up with this address, too. Type the password of ${username} to confirm that you mean this one.`;
    throw new AppError('validation_failed', { errors: [{ path: 'password', message }] });
  }
  if (!(await passwords.verify(passwordHash ?? undefined, password, caller))) throw new AppError('invalid_credentials');
}

async function takeAddress(tx: Transaction, user: User, emailKey: string, actor: Actor): Promise<void> {
  const isPending = user.pendingEmailKey === emailKey;
  if (!isPending && user.emailKey !== emailKey) throw new AppError('invalid_one_time_token');
  const isChange = isPending && user.email !== null;
  // Before the UPDATE: the notice goes to the former address.
  // Without an origin: another person may have opened the link at the new address.
  if (isChange) await tx.$executeRaw(enqueueNotice('email_changed', fromUser(user.id), undefined));
  await tx.$executeRaw`
    UPDATE "user" SET email_verified_at = clock_timestamp(), updated_at = clock_timestamp() ${
      isPending
        ? Prisma.sql`, email = pending_email, email_key = pending_email_key, pending_email = NULL,
            pending_email_key = NULL, pending_until = NULL`
        : Prisma.empty
    } WHERE id = ${user.id}::uuid`;
  // Whoever had the account under no address, or another one, may have prepared it for the reader of this mailbox.
  await tx.$executeRaw(enqueueNotice('email_of_methods', withFurtherMethods(user.id), undefined));
  // Tokens mailed to the former address must not work any more.
  await endTokens(tx, user.id);
  if (user.pendingUntil) await tx.$executeRaw(auditEvent('user.created', user.id, actor));
  await tx.$executeRaw(auditEvent(isChange ? 'email.changed' : 'email.verified', user.id, actor));
}

/** The user as `u`, if they can sign in by more than a password, or have an API key. */
function withFurtherMethods(userId: string): Prisma.Sql {
  return Prisma.sql`FROM (
    SELECT * FROM "user" o WHERE id = ${userId}::uuid AND (
      EXISTS (SELECT FROM totp WHERE user_id = o.id AND confirmed_at IS NOT NULL)
      OR EXISTS (SELECT FROM passkey WHERE user_id = o.id) OR EXISTS (SELECT FROM identity WHERE user_id = o.id)
      OR EXISTS (SELECT FROM api_key k WHERE k.user_id = o.id AND ${isLiveKey}))) u`;
}
