import { type Actor, auditEvent } from '../audit/events.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { fromUser, lockUser } from '../users/users.js';

/**
 * Removes every second factor of a user who has lost them, turns it off and ends every session: what is left is the
 * password, or a reset by mail.
 * @returns false if there is no such user
 */
export async function resetSecondFactor(deps: ChangeDeps, userId: string, actor: Actor): Promise<boolean> {
  let existed = false;
  await commitChange(deps, async (tx) => {
    await lockUser(tx, userId);
    const reset = await tx.$executeRaw`
      WITH totps AS (DELETE FROM totp WHERE user_id = ${userId}::uuid),
        passkeys AS (DELETE FROM passkey WHERE user_id = ${userId}::uuid),
        codes AS (DELETE FROM recovery_code WHERE user_id = ${userId}::uuid)
      UPDATE "user" SET second_factor = 'off', wrong_codes = 0, updated_at = clock_timestamp()
      WHERE id = ${userId}::uuid AND pending_until IS NULL AND deleted_at IS NULL`;
    existed = reset > 0;
    if (!existed) return [];
    await tx.$executeRaw(auditEvent('second_factor.reset', userId, actor));
    const isOwnAct = actor.actorId === userId;
    await tx.$executeRaw(enqueueNotice('second_factor_reset', fromUser(userId), isOwnAct ? actor.caller : undefined));
    return (await endEverything(tx, userId, 'second_factor_reset', actor)).revocations;
  });
  return existed;
}
