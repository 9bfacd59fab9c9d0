import { v7 as uuidv7 } from 'uuid';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { dataBox } from '../keys/data-box.js';
import type { ProvenUser } from '../passwords/proof.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { requireAuthentication } from '../sessions/step-up.js';
import { fromUser } from '../users/users.js';
import { type Changing, changeMethods, changeMethodsAndEpoch, setSecondFactor } from './change.js';
import { tellOfLostSecret } from './lost-secrets.js';
import { askedOf, requireSoundEmail } from './methods.js';
import { makeRecoveryCodes } from './recovery-codes.js';
import { matchingStep, newTotpSecret } from './totp.js';
import { openTotpSecret, sealTotpSecret } from './totp-secrets.js';

/** The most that a user may have. */
const maxTotps = 5;

export const defaultTotpName = 'Authenticator';

/** How long an authenticator app waits for its first code, in seconds. */
export const enrolmentLife = 900;

type Enrolment = { id: string; secret: Uint8Array; expiresAt: Date };

/**
 * Begins an authenticator app: it waits for its first code, from the same session. A newer one takes its place.
 * @throws AppError email_unverified, too_many, insufficient_user_authentication
 */
export async function enrolTotp(context: Changing, proven: ProvenUser, name: string): Promise<Enrolment> {
  const { sub, sid } = context.principal;
  const [id, secret] = [uuidv7(), newTotpSecret()];
  const sealed = new Uint8Array(sealTotpSecret(dataBox(context.deps.keys), id, secret));
  const expiresAt = await changeMethods(context, proven, async (tx, methods) => {
    requireSoundEmail(methods);
    // Only the first one is open to who lacks what the server asks for.
    if (methods.totps > 0) requireAuthentication(context.principal, { acr: askedOf(methods, context.deps.config.acr) });
    if (methods.totps >= maxTotps)
      throw new AppError('too_many', { detail: `At most ${maxTotps} authenticator apps: remove one first.` });
    await tx.$executeRaw`DELETE FROM totp WHERE user_id = ${sub}::uuid AND confirmed_at IS NULL`;
    const [row] = await tx.$queryRaw<{ expiresAt: Date }[]>`
      INSERT INTO totp (id, user_id, name, secret, session_id, created_at)
      VALUES (${id}::uuid, ${sub}::uuid, ${name}, ${sealed}::bytea, ${sid}::uuid, clock_timestamp())
      RETURNING created_at + make_interval(secs => ${enrolmentLife}) AS "expiresAt"`;
    return { result: row?.expiresAt ?? new Date(), effect: 'none' };
  });
  return { id, secret, expiresAt };
}

export type ConfirmedTotp = { id: string; name: string; createdAt: Date; lastUsedAt: Date | null };

/** @property epoch the new one, if the second factor is on from now on */
export type Confirmed = { totp: ConfirmedTotp; recoveryCodes: string[] | undefined; epoch: number | undefined };

/**
 * Confirms an authenticator app by its first code, which is used up by that. The first app turns the second factor on:
 * then this session counts as one with two factors, every other one ends, and there are recovery codes.
 * @throws AppError not_found, invalid_code, email_unverified
 */
export async function confirmTotp(context: Changing, id: string, code: string): Promise<Confirmed> {
  const { sub, sid } = context.principal;
  const step = await stepOfFirstCode(context, id, code);
  const { result, epoch } = await changeMethodsAndEpoch(context, undefined, async (tx, methods, actor) => {
    requireSoundEmail(methods);
    const [totp] = await tx.$queryRaw<ConfirmedTotp[]>`
      UPDATE totp SET confirmed_at = clock_timestamp(), last_used_at = clock_timestamp(), last_step = ${step},
        session_id = NULL
      WHERE id = ${id}::uuid AND user_id = ${sub}::uuid AND session_id = ${sid}::uuid AND confirmed_at IS NULL
        AND created_at > clock_timestamp() - make_interval(secs => ${enrolmentLife})
      RETURNING id, name, created_at AS "createdAt", last_used_at AS "lastUsedAt"`;
    if (!totp) throw new AppError('not_found');
    await tx.$executeRaw(auditEvent('totp.added', sub, actor, { id }));
    const turnsOn = methods.secondFactor === 'off' && methods.totps === 0;
    if (turnsOn) await turnOn(tx, context, actor);
    const notice = turnsOn ? 'second_factor_on' : 'totp_added';
    await tx.$executeRaw(enqueueNotice(notice, fromUser(sub), context.caller));
    const needsCodes = turnsOn || methods.recoveryCodes === 0;
    const recoveryCodes = needsCodes ? await makeRecoveryCodes(tx, sub) : undefined;
    if (needsCodes) await tx.$executeRaw(auditEvent('recovery_codes.created', sub, actor));
    return { result: { totp, recoveryCodes }, effect: turnsOn ? 'second_factor_changed' : 'voids_logins' };
  });
  return { ...result, epoch };
}

/** @throws AppError not_found, invalid_code */
async function stepOfFirstCode({ deps, principal }: Changing, id: string, code: string): Promise<number> {
  const waiting = await waitingTotp(deps.db, principal, id);
  if (!waiting) throw new AppError('not_found');
  const secret = openTotpSecret(dataBox(deps.keys), id, waiting.secret);
  if (!secret) tellOfLostSecret(deps, id);
  const step = secret && matchingStep(secret, code, waiting.now);
  if (step === undefined) throw new AppError('invalid_code');
  return step;
}

/** @property now the database's clock, so that all instances agree on the step */
async function waitingTotp(db: Db, { sub, sid }: Changing['principal'], id: string) {
  const [row] = await db.$queryRaw<{ secret: Uint8Array; now: number }[]>`
    SELECT secret, extract(epoch FROM clock_timestamp())::float8 AS now FROM totp
    WHERE id = ${id}::uuid AND user_id = ${sub}::uuid AND session_id = ${sid}::uuid AND confirmed_at IS NULL
      AND created_at > clock_timestamp() - make_interval(secs => ${enrolmentLife})`;
  return row;
}

/** Both factors were given in this session: the first one for the enrolment, the second one now. */
async function turnOn(tx: Transaction, { principal: { sub, sid } }: Changing, actor: Actor): Promise<void> {
  await setSecondFactor(tx, sub, 'any', actor);
  // A session that a passkey began is stronger already, and stays so.
  await tx.$executeRaw`
    UPDATE session SET acr = 'aal2', auth_time = clock_timestamp(),
      amr = array_remove(array_remove(amr, 'otp'), 'mfa') || ARRAY['otp', 'mfa']
    WHERE id = ${sid}::uuid AND user_id = ${sub}::uuid AND acr <> 'phr'`;
}

/** @returns undefined if it is not the user's, or not confirmed */
export async function renameTotp(db: Db, userId: string, id: string, name: string): Promise<ConfirmedTotp | undefined> {
  const [totp] = await db.$queryRaw<ConfirmedTotp[]>`
    UPDATE totp SET name = ${name} WHERE id = ${id}::uuid AND user_id = ${userId}::uuid AND confirmed_at IS NOT NULL
    RETURNING id, name, created_at AS "createdAt", last_used_at AS "lastUsedAt"`;
  return totp;
}
