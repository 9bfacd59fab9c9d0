import { auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { ProvenUser } from '../passwords/proof.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { fromUser } from '../users/users.js';
import { type Changing, changeMethods, setSecondFactor } from './change.js';
import { afterRemoval } from './methods.js';

/** The kinds of a second factor that can be removed one by one. */
const kinds = {
  totp: {
    counted: 'totps',
    removal: (id: string, userId: string) => Prisma.sql`
      DELETE FROM totp WHERE id = ${id}::uuid AND user_id = ${userId}::uuid AND confirmed_at IS NOT NULL`,
    action: 'totp.removed',
    notice: 'totp_removed',
  },
  passkey: {
    counted: 'passkeys',
    removal: (id: string, userId: string) => Prisma.sql`
      DELETE FROM passkey WHERE id = ${id}::uuid AND user_id = ${userId}::uuid`,
    action: 'passkey.removed',
    notice: 'passkey_removed',
  },
} as const;

/**
 * Removes a method and ends every other session. With the last TOTP and passkey the second factor is off, and recovery
 * codes stand for nothing.
 * @throws AppError not_found, last_sign_in_method
 */
export async function removeMethod(
  context: Changing,
  proven: ProvenUser,
  kind: keyof typeof kinds,
  id: string,
): Promise<void> {
  const { counted, removal, action, notice } = kinds[kind];
  const userId = context.principal.sub;
  await changeMethods(context, proven, async (tx, methods, actor) => {
    if ((await tx.$executeRaw(removal(id, userId))) === 0) throw new AppError('not_found');
    const to = afterRemoval(methods, counted, context.deps.config.acr.required);
    await tx.$executeRaw(auditEvent(action, userId, actor, { id }));
    const isLast = methods.totps + methods.passkeys === 1;
    if (isLast) await tx.$executeRaw`DELETE FROM recovery_code WHERE user_id = ${userId}::uuid`;
    const isOffNow = to !== methods.secondFactor;
    if (isOffNow) await setSecondFactor(tx, userId, to, actor);
    await tx.$executeRaw(enqueueNotice(isOffNow ? 'second_factor_off' : notice, fromUser(userId), context.caller));
    return { result: undefined, effect: 'second_factor_changed' };
  });
}
