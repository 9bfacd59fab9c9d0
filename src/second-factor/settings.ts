import { auditEvent } from '../audit/events.js';
import { endTokens } from '../email/one-time-tokens.js';
import { AppError } from '../errors.js';
import type { ProvenUser } from '../passwords/proof.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { commitChange } from '../sessions/end.js';
import { fromUser } from '../users/users.js';
import { type Changing, changeMethods, setSecondFactor } from './change.js';
import { lockMethods, requireAskable, requireSoundEmail, type SecondFactor } from './methods.js';
import { makeRecoveryCodes } from './recovery-codes.js';

/** @throws AppError last_sign_in_method, email_unverified */
export async function changeSecondFactor(context: Changing, proven: ProvenUser, to: SecondFactor): Promise<void> {
  const userId = context.principal.sub;
  await changeMethods(context, proven, async (tx, methods, actor) => {
    if (methods.secondFactor === to) return { result: undefined, effect: 'none' };
    requireAskable(methods, to, context.deps.config.acr.required);
    await setSecondFactor(tx, userId, to, actor);
    await tx.$executeRaw(enqueueNotice(noticeOf(methods.secondFactor, to), fromUser(userId), context.caller));
    return { result: undefined, effect: 'second_factor_changed' };
  });
}

function noticeOf(from: SecondFactor, to: SecondFactor): string {
  if (to === 'off') return 'second_factor_off';
  return from === 'off' ? 'second_factor_on' : 'second_factor_changed';
}

/** New recovery codes; the former ones are dead. @throws AppError email_unverified */
export async function renewRecoveryCodes(context: Changing, proven: ProvenUser): Promise<string[]> {
  const userId = context.principal.sub;
  return changeMethods(context, proven, async (tx, methods, actor) => {
    requireSoundEmail(methods);
    const codes = await makeRecoveryCodes(tx, userId);
    await tx.$executeRaw(auditEvent('recovery_codes.created', userId, actor));
    await tx.$executeRaw(enqueueNotice('recovery_codes_made', fromUser(userId), context.caller));
    return { result: codes, effect: 'second_factor_changed' };
  });
}

/** @throws AppError last_sign_in_method unless a passkey and recovery codes are left */
export async function removePassword(context: Changing, proven: ProvenUser): Promise<void> {
  const userId = context.principal.sub;
  await changeMethods(context, proven, async (tx, methods, actor) => {
    if (!methods.hasPassword) return { result: undefined, effect: 'none' };
    if (methods.passkeys === 0 || methods.recoveryCodes === 0)
      throw new AppError('last_sign_in_method', { detail: 'This needs a passkey and recovery codes.' });
    await tx.$executeRaw`
      UPDATE "user" SET password_hash = NULL, updated_at = clock_timestamp() WHERE id = ${userId}::uuid`;
    await endTokens(tx, userId);
    await tx.$executeRaw(auditEvent('password.removed', userId, actor));
    await tx.$executeRaw(enqueueNotice('password_removed', fromUser(userId), context.caller));
    return { result: undefined, effect: 'password_removed' };
  });
}

/** Every device is asked for the second factor again. */
export async function forgetTrustedDevices(context: Changing): Promise<void> {
  const { deps, principal, caller } = context;
  const userId = principal.sub;
  await commitChange(deps, async (tx) => {
    await lockMethods(tx, principal, []);
    const count = await tx.$executeRaw`DELETE FROM trusted_device WHERE user_id = ${userId}::uuid`;
    if (count > 0) await tx.$executeRaw(auditEvent('device.forgotten', userId, { actorId: userId, caller }, { count }));
    return [];
  });
}
