import { auditEvent } from '../audit/events.js';
import type { Deps } from '../deps.js';
import { Prisma } from '../generated/prisma/client.js';
import { dataBox } from '../keys/data-box.js';
import type { Caller } from '../platform/caller.js';
import type { Standing } from '../platform/http/rate-limit-headers.js';
import type { Taken } from '../platform/limits/limit.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { User } from '../users/users.js';
import { codeKind } from './code-kind.js';
import { type Factors, factorsOf } from './factors.js';
import type { GivenFactor } from './given-factor.js';
import { tellOfLostSecret } from './lost-secrets.js';
import { recoveryCodeHash } from './recovery-codes.js';
import { matchingStep } from './totp.js';
import { openTotpSecret } from './totp-secrets.js';
import {
  type Guesser,
  guesserKey,
  mostFromUnknown,
  mostWrongCodesOf,
  recordWrongCode,
  takeGuess,
} from './wrong-codes.js';

/** A code of a user whose first factor was right. */
type CodeTry = {
  user: User;
  factors: Factors;
  code: string;
  deviceId: string | undefined;
  caller: Caller;
  session?: { session_id?: string };
  /** Hears how the limit stands after the try. */
  tell?: (standing: Standing) => void;
};

/** @returns undefined if the code is wrong; that is counted and recorded @throws AppError rate_limited */
export async function checkCode(deps: Deps, attempt: CodeTry): Promise<GivenFactor | undefined> {
  const point = await takeGuess(deps, attempt);
  const given = await settled(point, () => givenBy(deps, attempt));
  if (point && deps.limits) {
    const { policy } = deps.limits.second_factor;
    attempt.tell?.({ policy, left: point.left + (given ? 1 : 0), msLeft: point.msLeft });
  }
  if (!given) await recordWrongCode(deps, { ...attempt, counts: true });
  return given;
}

/**
 * The same for a code that came with the password: beyond the limit it is compared as always and comes out wrong, because
 * a refusal would tell that the password was right.
 */
export async function checkCodeSilently(deps: Deps, attempt: CodeTry): Promise<GivenFactor | undefined> {
  const point = await deps.limits?.second_factor.takeNow(guesserKey(attempt));
  const isWithin = point?.allowed !== false;
  const compared = await settled(point?.allowed ? point : undefined, () => givenBy(deps, attempt));
  const given = isWithin ? compared : undefined;
  if (!given) await recordWrongCode(deps, { ...attempt, counts: isWithin });
  return given;
}

/** What the former costs without recording anything, after a wrong password: so the time tells nothing. */
export async function pretendToCheckCode(deps: Deps, code: string): Promise<void> {
  const factors = await factorsOf(deps, undefined, code, undefined);
  const point = await deps.limits?.second_factor.takeNow('nobody');
  matchingTotp(deps, factors, code);
  if (point?.allowed) await point.settle(false);
}

/** Gives the point back for a right code only: also not if the comparison fails. */
async function settled<T>(point: Taken | undefined, compare: () => T | undefined): Promise<T | undefined> {
  let given: T | undefined;
  try {
    given = compare();
  } finally {
    await point?.settle(given === undefined);
  }
  return given;
}

/** What a code proves, if it is right. It never takes less time for a wrong one. */
function givenBy(deps: Checking, attempt: CodeTry): GivenFactor | undefined {
  const { user, factors, code, deviceId } = attempt;
  const found = matchingTotp(deps, factors, code);
  if (codeKind(code) === 'recovery' && factors.isRecoveryCode) return recoveryCode(attempt);
  const mayUseTotp = user.secondFactor !== 'passkey' && user.wrongCodes < mostWrongCodesOf(deviceId);
  return found && mayUseTotp ? totp(found, attempt) : undefined;
}

const decoy = new Uint8Array(20);

type Checking = Pick<Deps, 'keys' | 'log'>;

type FoundTotp = { id: string; step: number };

/** Where there is none, or its secret is lost, a decoy costs the same. */
function matchingTotp(deps: Checking, { totps, now }: Factors, code: string): FoundTotp | undefined {
  if (totps.length === 0) matchingStep(decoy, code, now);
  const found = totps.flatMap(({ id, secret: sealed, lastStep }) => {
    const secret = openTotpSecret(dataBox(deps.keys), id, Buffer.from(sealed, 'base64'));
    if (!secret) tellOfLostSecret(deps, id);
    const step = matchingStep(secret ?? decoy, code, now);
    return secret && step !== undefined && step > lastStep ? [{ id, step }] : [];
  });
  return found[0];
}

function totp({ id, step }: FoundTotp, { deviceId }: Guesser): GivenFactor {
  return {
    amr: ['otp', 'mfa'],
    acr: 'aal2',
    // Too many of them are forgotten only for another method: else each sign-in would give a guesser as many again.
    wrongCodes: Prisma.sql`CASE WHEN locked.wrong_codes < ${mostFromUnknown} THEN 0 ELSE ${mostFromUnknown} END`,
    spendAfter: (name) => Prisma.sql`spent AS (
      UPDATE totp SET last_step = ${step}::bigint, last_used_at = clock_timestamp()
      FROM locked, (SELECT FROM ${Prisma.raw(name)} LIMIT 1) earlier
      WHERE totp.id = ${id}::uuid AND totp.user_id = locked.id AND totp.last_step < ${step}::bigint
        AND totp.confirmed_at IS NOT NULL AND locked.second_factor <> 'passkey'
        AND locked.wrong_codes < ${mostWrongCodesOf(deviceId)}
      RETURNING totp.user_id)`,
  };
}

/** Their number at which the user is told. */
const few = 3;

function recoveryCode({ user, factors, code, caller }: CodeTry): GivenFactor {
  const left = factors.recoveryCodes - 1;
  const hash = recoveryCodeHash(code);
  const used = auditEvent('recovery_code.used', user.id, { actorId: user.id, caller }, { left }, Prisma.sql`FROM u`);
  const told = enqueueNotice('recovery_code_used', Prisma.sql`FROM u`, caller);
  const fewLeft = enqueueNotice('recovery_codes_few', Prisma.sql`FROM u`, caller);
  return {
    amr: ['recovery', 'mfa'],
    acr: 'aal2',
    recoveryCodesLeft: left,
    spendAfter: (name) => Prisma.sql`spent AS (
      DELETE FROM recovery_code USING locked, (SELECT FROM ${Prisma.raw(name)} LIMIT 1) earlier
      WHERE recovery_code.user_id = locked.id AND recovery_code.hash = ${hash}::bytea AND locked.second_factor <> 'off'
      RETURNING recovery_code.user_id)`,
    also: Prisma.sql`used AS (${used}), told_of_use AS (${told})
      ${left === few ? Prisma.sql`, told_of_few AS (${fewLeft})` : Prisma.empty}`,
  };
}
