import { type Actor, auditEvent } from '../audit/events.js';
import { endTokens } from '../email/one-time-tokens.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { endApiKeysOf } from '../sessions/end-api-keys.js';
import { renewSession } from '../sessions/renew.js';
import type { SessionsDeps, SessionTokens } from '../sessions/start.js';
import { fromUser } from '../users/users.js';
import type { ProvenUser } from './proof.js';

// An attacker may have asked for the pending address, so a change of credentials withdraws it.
const noPendingEmail = { pendingEmail: null, pendingEmailKey: null };

/** @property renewWith if it is to get new tokens */
type KeptSession = { sessionId: string; renewWith?: Pick<SessionsDeps, 'keys' | 'config' | 'ownClaims'> | undefined };

type Changed = { renewed: SessionTokens | undefined };

/**
 * Sets a new password and ends other sessions, mailed tokens and a pending address.
 * @param keep the session that continues
 * @param endsKeys whether the user's API keys end, too
 * @returns undefined if what was proven does not hold any more; then nothing changes
 */
export async function changePassword(
  deps: ChangeDeps,
  proven: ProvenUser,
  passwordHash: string,
  keep: KeptSession,
  actor: Actor,
  endsKeys = false,
): Promise<Changed | undefined> {
  const { id, epoch, secondFactor } = proven.user;
  // A proof without a password is the session's, which may have ended since.
  const still =
    proven.passwordHash === undefined ? { passwordHash: null, epoch } : { passwordHash: proven.passwordHash };
  let changed: Changed | undefined;
  await commitChange(deps, async (tx) => {
    const { count } = await tx.user.updateMany({
      where: { id, ...still, secondFactor, disabledAt: null },
      data: { passwordHash, wrongCodes: 0, ...noPendingEmail },
    });
    if (count === 0) return [];
    await endTokens(tx, id);
    await tx.$executeRaw(auditEvent('password.changed', id, actor));
    await tx.$executeRaw(enqueueNotice('password_changed', fromUser(id), actor.caller));
    const { revocations } = await endEverything(tx, id, 'password_changed', actor, keep.sessionId);
    changed = { renewed: keep.renewWith && (await renewSession(tx, keep.renewWith, keep.sessionId)) };
    return endsKeys ? [...revocations, ...(await endApiKeysOf(tx, id, actor))] : revocations;
  });
  return changed;
}
