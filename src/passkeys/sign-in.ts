import { auditEvent } from '../audit/events.js';
import type { Deps } from '../deps.js';
import { AppError, type ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { checkInput } from '../platform/http/body.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Proof } from '../sessions/start.js';
import type { ReadUser } from '../users/plain-user.js';
import { fromUser } from '../users/users.js';
import { type Assertion, assertionSchema, challengeIn } from './answers.js';
import { type Challenge, readChallenge } from './challenge.js';
import { type Answered, verifyAssertion } from './verify.js';

type SignInDeps = Pick<Deps, 'db' | 'keys' | 'config' | 'outboxWake'>;

/** A right answer of a user's passkey. It counts only once it is spent, in the statement of what it earns. */
export type PasskeyProof = Proof & {
  spend: Prisma.Sql;
  user: ReadUser & { epoch: number };
  /** The same, if an earlier common table expression has a row: a login token is spent before it. */
  spendAfter(name: string): Prisma.Sql;
};

/** @property userId whose passkey it is, if it is known */
export type Refusal = {
  code: Extract<ErrorCode, 'challenge_expired' | 'invalid_credentials' | 'account_disabled'>;
  userId: string | null;
};

/**
 * What the answer proves, in one statement: by itself two factors, because the passkey is had and its user was verified.
 * A refusal does not tell whether there is such a passkey.
 */
export async function examine(
  deps: SignInDeps,
  answer: Assertion,
  caller: Caller,
): Promise<{ proof: PasskeyProof; refusal?: never } | { refusal: Refusal; proof?: never }> {
  const challenge = await readChallenge(deps.keys, challengeIn(answer) ?? '', 'sign-in');
  if (!challenge) return refused('challenge_expired');
  const { rpId } = deps.config.passkeys;
  const { isSpent, ...found } = await findPasskey(deps, answer, challenge, rpId);
  if (isSpent) return refused('challenge_expired');
  const passkey = found.id === null ? undefined : found;
  const answered = await verifyAssertion(deps.config.passkeys, answer, challenge.text, passkey);
  if (!passkey || !answered) return refused('invalid_credentials', found.userId);
  if (isBehind(passkey, answered)) {
    await recordSuspect(deps, passkey, challenge, caller);
    return refused('invalid_credentials', passkey.userId);
  }
  if (passkey.isDisabled) return refused('account_disabled', passkey.userId);
  return { proof: proofOf(passkey, answered, challenge) };
}

/**
 * The same for a second factor or a step-up.
 * @param userId whose passkey it must be
 * @throws AppError challenge_expired, invalid_credentials, account_disabled, validation_failed
 */
export async function passkeyProof(
  deps: SignInDeps,
  passkey: unknown,
  userId: string,
  caller: Caller,
): Promise<PasskeyProof> {
  const { proof, refusal } = await examine(deps, checkInput(assertionSchema, passkey, 'passkey'), caller);
  if (refusal) throw new AppError(refusal.code);
  if (proof.userId !== userId) throw new AppError('invalid_credentials');
  return proof;
}

function refused(code: Refusal['code'], userId: string | null = null): { refusal: Refusal } {
  return { refusal: { code, userId } };
}

type Passkey = {
  id: string;
  userId: string;
  user: ReadUser & { epoch: number };
  isDisabled: boolean;
  publicKey: Uint8Array;
  userHandle: Uint8Array;
  counter: number;
  synced: boolean | undefined;
};

type Found = { isSpent: boolean } & (Passkey | { id: null; userId: null });

type OfUser = Omit<Passkey['user'], 'id'>;
type Row = { isSpent: boolean; isNew: boolean } & ((Omit<Passkey, 'user'> & OfUser) | { id: null; userId: null });

async function findPasskey({ db }: SignInDeps, answer: Assertion, challenge: Challenge, rpId: string): Promise<Found> {
  const credentialId = Buffer.from(answer.id, 'base64url');
  // An import does not always tell whether a passkey is synced: its first answer does.
  const [row] = await db.direct<Row>(Prisma.sql`
    SELECT p.id, p.user_id AS "userId", p.public_key AS "publicKey", p.user_handle AS "userHandle",
      p.counter::float8 AS counter, p.synced, p.aaguid IS NULL AND p.last_used_at IS NULL AS "isNew",
      p.kind, p.username, p.email, p.email_verified_at AS "emailVerifiedAt", p.roles, p.user_created_at AS "createdAt",
      p.epoch, p.disabled_at IS NOT NULL AS "isDisabled",
      EXISTS (SELECT FROM spent_challenge WHERE hash = ${challenge.hash}::bytea) AS "isSpent"
    FROM (SELECT) one LEFT JOIN (
      SELECT passkey.*, u.kind, u.username, u.email, u.email_verified_at, u.roles, u.created_at AS user_created_at,
        u.epoch, u.disabled_at FROM passkey JOIN "user" u ON u.id = user_id
      WHERE u.deleted_at IS NULL AND u.pending_until IS NULL
    ) p ON p.credential_id = ${credentialId}::bytea AND p.rp_id = ${rpId}`);
  if (!row) throw new Error('A SELECT returned nothing');
  if (row.id === null) return row;
  const { isNew, kind, username, email, emailVerifiedAt, roles, createdAt, epoch, ...found } = row;
  const user = { id: row.userId, kind, username, email, emailVerifiedAt, roles, createdAt, epoch };
  return { ...found, user, ...(isNew && { synced: undefined }) };
}

/**
 * The counter of a passkey that is bound to its device goes up with each use, or stays 0: else there may be a copy. That
 * of a synced one says nothing (WebAuthn L3 §6.1.1).
 */
function isBehind({ counter: former }: Passkey, { counter, synced }: Answered): boolean {
  return !synced && counter <= former && counter + former > 0;
}

function proofOf({ id, userId, user }: Passkey, { counter, synced }: Answered, challenge: Challenge): PasskeyProof {
  const { hash, expiresAt } = challenge;
  const spendAfter = (name: string) => Prisma.sql`
    used AS (
      UPDATE passkey SET counter = ${counter}::bigint, synced = ${synced}, last_used_at = clock_timestamp()
      FROM locked, (SELECT FROM ${Prisma.raw(name)} LIMIT 1) earlier
      WHERE passkey.id = ${id}::uuid AND passkey.user_id = locked.id
        AND (${synced} OR passkey.counter < ${counter}::bigint OR passkey.counter + ${counter}::bigint = 0)
      RETURNING passkey.id
    ), spent AS (
      INSERT INTO spent_challenge (hash, expires_at) SELECT ${hash}::bytea, ${expiresAt}::timestamptz FROM used
      ON CONFLICT DO NOTHING RETURNING hash
    )`;
  return {
    userId,
    user,
    epoch: user.epoch,
    amr: [synced ? 'swk' : 'hwk', 'user', 'mfa'],
    acr: 'phr',
    spend: spendAfter('locked'),
    spendAfter,
  };
}

/** Once for each challenge, however often the answer is sent. */
async function recordSuspect(
  { db, outboxWake }: SignInDeps,
  { id, userId }: Passkey,
  { hash, expiresAt }: Challenge,
  caller: Caller,
): Promise<void> {
  const user = Prisma.sql`FROM fresh, LATERAL (SELECT * ${fromUser(userId)}) u`;
  await db.$executeRaw`
    WITH fresh AS (
      INSERT INTO spent_challenge (hash, expires_at) VALUES (${hash}::bytea, ${expiresAt}::timestamptz)
      ON CONFLICT DO NOTHING RETURNING hash
    ), recorded AS (${auditEvent('passkey.suspect', userId, { caller }, { id }, Prisma.sql`FROM fresh`)})
    ${enqueueNotice('passkey_suspect', user, caller)}`;
  outboxWake.wake();
}
