import { type Actor, auditEvent } from '../audit/events.js';
import { endTokens, userOfToken, useToken } from '../email/one-time-tokens.js';
import { AppError } from '../errors.js';
import type { Db } from '../platform/db/database.js';
import { enqueueNotice, enqueueRequest } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { endApiKeysOf } from '../sessions/end-api-keys.js';
import { fromUser, lockUser, type User } from '../users/users.js';

/** Queues a reset mail. The user is looked up when it is sent, so the response reveals nothing. */
export async function askForReset({ db, outboxWake }: { db: Db; outboxWake: Wake }, email: string): Promise<void> {
  await db.$executeRaw(enqueueRequest('forgot', email));
  outboxWake.wake();
}

/** The user whose password a token resets; the token is not used up. @throws AppError invalid_one_time_token */
export async function userToReset({ db }: { db: Db }, token: string): Promise<User> {
  const id = await userOfToken({ db }, 'reset', token);
  const user = id === undefined ? null : await db.user.findUnique({ where: { id } });
  if (!user) throw new AppError('invalid_one_time_token');
  return user;
}

type Reset = { epoch: number; hasSecondFactor: boolean };

/**
 * Sets the password by a mailed token and ends every session and token. The mail reached the user, so the address is
 * verified.
 * @param endsKeys whether the user's API keys end, too
 * @returns the user's new epoch, and whether a second factor is on
 * @throws AppError invalid_one_time_token if the token, the address or the user changed
 */
export async function resetPassword(
  deps: ChangeDeps,
  { userId, token }: { userId: string; token: string },
  passwordHash: string,
  actor: Actor,
  endsKeys = false,
): Promise<Reset> {
  let reset: Reset = { epoch: 0, hasSecondFactor: false };
  await commitChange(deps, async (tx) => {
    // Every change locks the user first, so that two changes never deadlock.
    await lockUser(tx, userId);
    const emailKey = await useToken(tx, 'reset', token);
    const [row] = await tx.$queryRaw<{ wasVerified: boolean; hasSecondFactor: boolean }[]>`
      UPDATE "user" u SET password_hash = ${passwordHash}, wrong_codes = 0, updated_at = clock_timestamp(), pending_email = NULL,
        pending_email_key = NULL, email_verified_at = coalesce(u.email_verified_at, clock_timestamp())
      FROM (SELECT id, email_verified_at FROM "user" WHERE id = ${userId}::uuid) before
      WHERE u.id = before.id AND u.email_key = ${emailKey ?? null}::text AND u.disabled_at IS NULL
      RETURNING before.email_verified_at IS NOT NULL AS "wasVerified", u.second_factor <> 'off' AS "hasSecondFactor"`;
    if (!row) throw new AppError('invalid_one_time_token');
    await endTokens(tx, userId);
    await tx.$executeRaw(auditEvent('password.reset', userId, actor));
    if (!row.wasVerified) await tx.$executeRaw(auditEvent('email.verified', userId, actor));
    await tx.$executeRaw(enqueueNotice('password_reset', fromUser(userId), actor.caller));
    const ended = await endEverything(tx, userId, 'password_reset', actor);
    reset = { epoch: ended.epoch, hasSecondFactor: row.hasSecondFactor };
    return endsKeys ? [...ended.revocations, ...(await endApiKeysOf(tx, userId, actor))] : ended.revocations;
  });
  return reset;
}
