import { NIL } from 'uuid';
import { countedEvent } from '../audit/counted-events.js';
import type { Deps } from '../deps.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { rateLimited } from '../platform/http/rate-limit-headers.js';
import type { Taken } from '../platform/limits/limit.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';

/** Wrong codes in a row, after a right password, before its user is told that another person knows it. */
const toldAfter = 10;

/** The bound of NIST SP 800-63B-4 §3.2.2: after as many in a row, from all devices together, no TOTP code is right. */
const mostWrongCodes = 100;

/** What strangers can use up of it. The rest is left to the devices that the user has signed in on. */
export const mostFromUnknown = 80;

/** After as many wrong codes in a row, no TOTP code from the device is right. */
export function mostWrongCodesOf(deviceId: string | undefined): number {
  return deviceId === undefined ? mostFromUnknown : mostWrongCodes;
}

/** Whose code it is, and on which known device. Only who has given the first factor comes this far. */
export type Guesser = { user: { id: string; epoch: number }; deviceId: string | undefined };

/** A known device has a count of its own, and a new password begins both anew: it raises the epoch. */
export function guesserKey({ user: { id, epoch }, deviceId }: Guesser): string {
  return `${id} ${epoch} ${deviceId ?? ''}`;
}

/** Takes a point before the code is compared; settle it afterwards. @throws AppError rate_limited */
export async function takeGuess({ limits }: Pick<Deps, 'limits'>, guesser: Guesser): Promise<Taken | undefined> {
  if (!limits) return undefined;
  const point = await limits.second_factor.take(guesserKey(guesser));
  if (!point.allowed) throw rateLimited(limits.second_factor.policy, point.msLeft);
  return point;
}

type Told = Pick<Deps, 'db' | 'outboxWake' | 'metrics'>;

/** @property counts whether it was compared: beyond the limit it was not */
type WrongCode = Guesser & { caller: Caller; session?: { session_id?: string }; counts: boolean };

/** Records a wrong code, counts it, and mails the user about many, at most once a day. */
export async function recordWrongCode(
  { db, outboxWake, metrics }: Told,
  { user, caller, session = {}, counts }: WrongCode,
): Promise<void> {
  metrics.signIns.refused('code');
  const recorded = countedEvent('second_factor.failed', user.id, caller, session, Prisma.sql`FROM counted`);
  const mails = await db.$executeRaw(counting(user, counts ? 1 : 0, recorded, caller));
  if (mails > 0) outboxWake.wake();
}

/**
 * Records an event, and costs what recording a wrong code costs: so the time tells nothing. A row is written as there: the
 * user's, as it is, or one that stands for nobody.
 */
export async function recordLikeWrongCode(
  { db }: Pick<Told, 'db'>,
  event: Prisma.Sql,
  caller: Caller,
  user: Guesser['user'] | null,
): Promise<void> {
  const nobody = Prisma.sql`nobody AS (
    INSERT INTO rate_limit (key, points, expire) VALUES ('nobody', 0, 0) ON CONFLICT (key) DO UPDATE SET points = 0), `;
  await db.$executeRaw(counting(user ?? { id: NIL, epoch: 0 }, 0, event, caller, user ? Prisma.empty : nobody));
}

/** @param recorded an INSERT of the event */
function counting(
  user: Guesser['user'],
  wrongCodes: number,
  recorded: Prisma.Sql,
  caller: Caller,
  before = Prisma.empty,
): Prisma.Sql {
  const told = Prisma.sql`FROM (SELECT * FROM counted WHERE wrong_codes >= ${toldAfter} AND NOT EXISTS (
    SELECT FROM outbox o WHERE o.user_id = counted.id AND o.purpose = 'wrong_codes'
      AND o.created_at > clock_timestamp() - interval '1 day')) u`;
  return Prisma.sql`
    WITH ${before} counted AS (
      UPDATE "user" SET wrong_codes = wrong_codes + ${wrongCodes}
      WHERE id = ${user.id}::uuid AND epoch = ${user.epoch} RETURNING *
    ), recorded AS (${recorded}) ${enqueueNotice('wrong_codes', told, caller)}`;
}
