import { type Actor, auditEvent } from '../audit/events.js';
import { endTokens } from '../email/one-time-tokens.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endSessions, sessionsOf } from '../sessions/end.js';
import { fromUser } from '../users/users.js';
import type { CheckedUser } from './check.js';

// A change of credentials withdraws a change of address that waits: an attacker may have asked for it.
const noPendingEmail = { pendingEmail: null, pendingEmailKey: null };

/**
 * Sets a new password and ends the user's other sessions, what was mailed to them, and what waits for it.
 * @param checked whose current password was checked
 * @param keep the session that goes on
 * @returns false, and nothing happens, where the hash that was checked is no longer current
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
    return endSessions(tx, sessionsOf(id, keep), 'password_changed', actor);
  });
  return current;
}
