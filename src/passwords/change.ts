import { type Actor, auditEvent } from '../audit/events.js';
import { endTokens } from '../email/one-time-tokens.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { fromUser } from '../users/users.js';
import type { CheckedUser } from './check.js';

// An attacker may have asked for the pending address, so a change of credentials withdraws it.
const noPendingEmail = { pendingEmail: null, pendingEmailKey: null };

/**
 * Sets a new password and ends other sessions, mailed tokens and a pending address.
 * @param keep the session that continues
 * @returns false if the checked hash is no longer current; then nothing changes
 */
export async function changePassword(
  deps: ChangeDeps,
  checked: CheckedUser,
  passwordHash: string,
  keep: string,
  actor: Actor,
): Promise<boolean> {
  const { id } = checked.user;
  let current = false;
  await commitChange(deps, async (tx) => {
    const { count } = await tx.user.updateMany({
      where: { id, passwordHash: checked.passwordHash, disabledAt: null },
      data: { passwordHash, ...noPendingEmail },
    });
    current = count === 1;
    if (!current) return [];
    await endTokens(tx, id);
    await tx.$executeRaw(auditEvent('password.changed', id, actor));
    await tx.$executeRaw(enqueueNotice('password_changed', fromUser(id), actor.caller));
    return (await endEverything(tx, id, 'password_changed', actor, keep)).revocations;
  });
  return current;
}
