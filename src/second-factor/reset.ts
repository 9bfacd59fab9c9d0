import { type Actor, auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import type { Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { fromUser, lockedUser, type User } from '../users/users.js';

const nothingLeft =
  'This user has no password, no e-mail address and no provider: nothing would be left to sign in with. Disable or delete the user instead.';

type ResetDeps = ChangeDeps & { config: Pick<Config, 'providers'> };

/**
 * Removes every second factor of a user who has lost them, turns it off and ends every session: what is left is the
 * password, a reset by mail, or a provider.
 * @param check looks at the user under the lock, and at the actor's rights
 * @returns false if there is no such user
 * @throws AppError last_sign_in_method if nothing would be left, and as `check`
 */
export async function resetSecondFactor(
  deps: ResetDeps,
  userId: string,
  actor: Actor,
  check?: (tx: Transaction, user: User) => Promise<void>,
): Promise<boolean> {
  let existed = false;
  await commitChange(deps, async (tx) => {
    const user = await lockedUser(tx, userId, actor.actorId);
    if (!user) return [];
    await check?.(tx, user);
    existed = true;
    await tx.$executeRaw`
      WITH totps AS (DELETE FROM totp WHERE user_id = ${userId}::uuid),
        passkeys AS (DELETE FROM passkey WHERE user_id = ${userId}::uuid),
        codes AS (DELETE FROM recovery_code WHERE user_id = ${userId}::uuid)
      UPDATE "user" SET second_factor = 'off', wrong_codes = 0, updated_at = clock_timestamp()
      WHERE id = ${userId}::uuid`;
    const issuers = deps.config.providers.map(({ issuer }) => issuer);
    const [left] = await tx.$queryRaw<unknown[]>`
      SELECT FROM "user" u WHERE id = ${userId}::uuid AND (password_hash IS NOT NULL OR email IS NOT NULL
        OR EXISTS (SELECT FROM identity WHERE user_id = u.id AND issuer = ANY(${issuers}::text[])))`;
    if (!left) throw new AppError('last_sign_in_method', { detail: nothingLeft });
    await tx.$executeRaw(auditEvent('second_factor.reset', userId, actor));
    const isOwnAct = actor.actorId === userId;
    await tx.$executeRaw(enqueueNotice('second_factor_reset', fromUser(userId), isOwnAct ? actor.caller : undefined));
    return (await endEverything(tx, userId, 'second_factor_reset', actor)).revocations;
  });
  return existed;
}
