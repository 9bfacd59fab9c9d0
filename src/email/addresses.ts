import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { enqueueNotice, enqueueRequest } from '../platform/outbox/outbox.js';
import type { OutboxWake } from '../platform/outbox/wake.js';
import { fromUser, lockUser, type User } from '../users/users.js';
import { enqueueVerification } from './mails.js';
import { endTokens, userOfToken, useToken } from './one-time-tokens.js';

type EmailDeps = { db: Db; outboxWake: OutboxWake };

export async function hasVerifiedEmail({ db }: { db: Db }, userId: string): Promise<boolean> {
  return (await db.user.count({ where: { id: userId, NOT: { emailVerifiedAt: null } } })) === 1;
}

/** Queues a verification mail. The user is looked up when it is sent, so the response reveals nothing. */
export async function resendTo({ db, outboxWake }: EmailDeps, email: string): Promise<void> {
  await db.$executeRaw(enqueueRequest('resend', email));
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
export async function verifyEmail({ db, outboxWake }: EmailDeps, token: string, actor: Actor): Promise<void> {
  const userId = await userOfToken({ db }, 'verify', token);
  if (userId === undefined) throw new AppError('invalid_one_time_token');
  try {
    await db.$transaction(async (tx) => {
      await lockUser(tx, userId);
      const emailKey = await useToken(tx, 'verify', token);
      const user = await tx.user.findFirst({ where: { id: userId, disabledAt: null } });
      if (emailKey === undefined || !user) throw new AppError('invalid_one_time_token');
      await takeAddress(tx, user, emailKey, { actorId: userId, ...actor });
    });
  } catch (error) {
    if (uniqueViolation(error) === 'email_key') throw new AppError('invalid_one_time_token', { cause: error });
    throw error;
  }
  outboxWake.wake();
}

async function takeAddress(tx: Transaction, user: User, emailKey: string, actor: Actor): Promise<void> {
  const isPending = user.pendingEmailKey === emailKey;
  if (!isPending && user.emailKey !== emailKey) throw new AppError('invalid_one_time_token');
  const isChange = isPending && user.email !== null;
  // Before the UPDATE: the notice goes to the former address.
  if (isChange) await tx.$executeRaw(enqueueNotice('email_changed', fromUser(user.id), actor.caller));
  await tx.$executeRaw`
    UPDATE "user" SET email_verified_at = clock_timestamp(), updated_at = clock_timestamp() ${
      isPending
        ? Prisma.sql`, email = pending_email, email_key = pending_email_key, pending_email = NULL,
            pending_email_key = NULL, pending_until = NULL`
        : Prisma.empty
    } WHERE id = ${user.id}::uuid`;
  // Tokens mailed to the former address must not work any more.
  await endTokens(tx, user.id);
  await tx.$executeRaw(auditEvent(isChange ? 'email.changed' : 'email.verified', user.id, actor));
}

/** The canonical address that needs verification: the pending one, else the current one. */
export async function addressToVerify({ db }: { db: Db }, userId: string): Promise<string | undefined> {
  const user = await db.user.findUnique({ where: { id: userId }, select: { emailKey: true, pendingEmailKey: true } });
  return user?.pendingEmailKey ?? user?.emailKey ?? undefined;
}
