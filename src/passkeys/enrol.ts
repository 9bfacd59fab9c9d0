import { parse as uuidBytes, v7 as uuidv7 } from 'uuid';
import { auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import type { ProvenUser } from '../passwords/proof.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type Changing, changeMethods } from '../second-factor/change.js';
import { readMethods, requireSoundEmail, requireStanding } from '../second-factor/methods.js';
import { makeRecoveryCodes } from '../second-factor/recovery-codes.js';
import { fromUser } from '../users/users.js';
import { challengeIn, type Enrolment } from './answers.js';
import { type Challenge, challengeTtl, type EnrolmentUse, newChallenge, readChallenge } from './challenge.js';
import type { Passkey } from './json.js';
import { algorithms, type NewPasskey, verifyEnrolment } from './verify.js';

/** The most that a user may have. */
const maxPasskeys = 20;

const defaultName = 'Passkey';

/** What `PublicKeyCredential.parseCreationOptionsFromJSON` takes. */
export async function creationOptions({ deps, principal }: Changing, { user }: ProvenUser) {
  const { rpId } = deps.config.passkeys;
  const methods = await readMethods(deps.db, principal, []);
  requireSoundEmail(methods);
  requireStanding(principal, methods, deps.config.acr);
  requireRoom(methods);
  const existing = await deps.db.passkey.findMany({
    where: { userId: user.id },
    select: { credentialId: true, userHandle: true, transports: true },
    orderBy: { id: 'asc' },
  });
  const userHandle = existing[0]?.userHandle ?? firstHandle(user.id);
  const use = { userId: user.id, epoch: user.epoch, sessionId: principal.sid, userHandle };
  return {
    challenge: newChallenge(deps.keys, use),
    rp: { id: rpId, name: rpId },
    user: { id: base64url(userHandle), name: user.username, displayName: user.username },
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: challengeTtl * 1000,
    attestation: 'none' as const,
    authenticatorSelection: {
      residentKey: 'required' as const,
      requireResidentKey: true as const,
      userVerification: 'required' as const,
    },
    excludeCredentials: existing.map(({ credentialId, transports }) => ({
      type: 'public-key' as const,
      id: base64url(credentialId),
      transports,
    })),
  };
}

function requireRoom({ passkeys }: { passkeys: number }): void {
  if (passkeys >= maxPasskeys)
    throw new AppError('too_many', { detail: `At most ${maxPasskeys} passkeys: remove one first.` });
}

/** All passkeys of a user have one handle: an authenticator keeps one passkey for each. */
function firstHandle(userId: string): Uint8Array {
  return uuidBytes(userId);
}

export type Enrolled = { passkey: Passkey; recoveryCodes: string[] | undefined };

/**
 * Adds the passkey that was made over a challenge of this user and session.
 * @throws AppError challenge_expired, invalid_passkey, passkey_taken, too_many, email_unverified
 */
export async function enrolPasskey(context: Changing, answer: Enrolment, name = defaultName): Promise<Enrolled> {
  const { deps, principal } = context;
  const use = await findUse(deps.db, principal);
  const challenge = await readChallenge(deps.keys, challengeIn(answer) ?? '', use);
  if (!challenge) throw new AppError('challenge_expired');
  const made = await verifyEnrolment(deps.config.passkeys, answer, challenge.text);
  if (!made) throw new AppError('invalid_passkey');
  return changeMethods(context, undefined, async (tx, methods, actor) => {
    requireSoundEmail(methods);
    requireRoom(methods);
    await spend(tx, use, challenge);
    const passkey = await insertPasskey(tx, use, made, name, deps.config.passkeys.rpId);
    await tx.$executeRaw(auditEvent('passkey.added', use.userId, actor, { id: passkey.id }));
    await tx.$executeRaw(enqueueNotice('passkey_added', fromUser(use.userId), context.caller));
    // Codes of before the first method may be those of whoever knew the password.
    const needsCodes = methods.recoveryCodes === 0 || methods.passkeys + methods.totps === 0;
    const recoveryCodes = needsCodes ? await makeRecoveryCodes(tx, use.userId) : undefined;
    if (needsCodes) await tx.$executeRaw(auditEvent('recovery_codes.created', use.userId, actor));
    return { result: { passkey, recoveryCodes }, effect: 'voids_logins' };
  });
}

/** What the challenge must have been made for, as it is now. */
async function findUse(db: Db, { sub, sid }: Changing['principal']): Promise<EnrolmentUse> {
  const [found] = await db.$queryRaw<{ epoch: number; userHandle: Uint8Array | null }[]>`
    SELECT epoch, (SELECT user_handle FROM passkey WHERE user_id = u.id ORDER BY id LIMIT 1) AS "userHandle"
    FROM "user" u WHERE id = ${sub}::uuid`;
  if (!found) throw new AppError('session_revoked');
  return { userId: sub, epoch: found.epoch, sessionId: sid, userHandle: found.userHandle ?? firstHandle(sub) };
}

/** @throws AppError challenge_expired if it was used, or everything of the user was ended meanwhile */
async function spend(tx: Transaction, use: EnrolmentUse, { hash, expiresAt }: Challenge): Promise<void> {
  const spent = await tx.$executeRaw`
    INSERT INTO spent_challenge (hash, expires_at)
    SELECT ${hash}::bytea, ${expiresAt}::timestamptz FROM "user" WHERE id = ${use.userId}::uuid AND epoch = ${use.epoch}
    ON CONFLICT DO NOTHING`;
  if (spent === 0) throw new AppError('challenge_expired');
}

/** @throws AppError passkey_taken */
async function insertPasskey(
  tx: Transaction,
  { userId, userHandle }: EnrolmentUse,
  { credentialId, publicKey, counter, transports, aaguid, synced }: NewPasskey,
  name: string,
  rpId: string,
): Promise<Passkey> {
  const [passkey] = await tx.$queryRaw<Passkey[]>`
    INSERT INTO passkey (id, user_id, name, credential_id, public_key, counter, user_handle, rp_id, transports, aaguid,
      synced)
    VALUES (${uuidv7()}::uuid, ${userId}::uuid, ${name}, ${credentialId}::bytea, ${publicKey}::bytea, ${counter},
      ${userHandle}::bytea, ${rpId}, ${transports}::text[], ${aaguid}, ${synced})
    ON CONFLICT (credential_id) DO NOTHING
    RETURNING id, name, credential_id AS "credentialId", rp_id AS "rpId", aaguid, synced, created_at AS "createdAt",
      last_used_at AS "lastUsedAt"`;
  if (!passkey) throw new AppError('passkey_taken');
  return passkey;
}

/** @returns undefined if it is not the user's */
export async function renamePasskey(db: Db, userId: string, id: string, name: string): Promise<Passkey | undefined> {
  const [passkey] = await db.$queryRaw<Passkey[]>`
    UPDATE passkey SET name = ${name} WHERE id = ${id}::uuid AND user_id = ${userId}::uuid
    RETURNING id, name, credential_id AS "credentialId", rp_id AS "rpId", aaguid, synced, created_at AS "createdAt",
      last_used_at AS "lastUsedAt"`;
  return passkey;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
