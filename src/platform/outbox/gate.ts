import { Prisma } from '../../generated/prisma/client.js';
import type { Db } from '../db/database.js';
import { locks } from '../db/locks.js';
import { asciiAddress } from '../mail/email-address.js';
import type { OutboxItem } from './queue.js';

export type MailRate = { points: number; seconds: number };

type Recipient = { to: string; userId: string | null; isNotice?: boolean };

// A caller can cause notices without end, so this holds whatever the settings say.
const noticeRate: MailRate = { points: 5, seconds: 3600 };

/**
 * Every mail passes here before it is written. Each purpose is counted for its recipient and for its user; a notice
 * that says the same as an earlier one is not sent again. Past the limit nobody hears of it: the answer is long gone.
 * @param rate for mails that are asked for; undefined if limits are off
 * @returns false if the mail must not be sent
 */
export async function passesGate(
  { db }: { db: Db },
  { id, userId: knownUser }: OutboxItem,
  { to, userId = knownUser, isNotice = false }: Recipient,
  rate: MailRate | undefined,
): Promise<boolean> {
  const key = asciiAddress(to).toLowerCase();
  const counted = isNotice ? noticeRate : rate;
  const counts = [
    Prisma.sql`e.recipient_key = ${key}`,
    ...(userId === null ? [] : [Prisma.sql`e.user_id = ${userId}::uuid`]),
  ];
  const conditions = [
    ...(counted ? counts.map((whose) => hasFewer(counted, whose)) : []),
    ...(isNotice ? [Prisma.sql`NOT EXISTS (SELECT ${earlier(noticeRate.seconds)} AND ${saysTheSame(key)})`] : []),
  ];
  // Two mails that are counted at one moment would not see each other.
  const [, passed] = await db.$transaction([
    db.$executeRaw`SELECT pg_advisory_xact_lock(${locks.mailGate})`,
    db.$executeRaw`
    UPDATE outbox o SET recipient_key = ${key}, user_id = coalesce(o.user_id, ${userId}::uuid)
    WHERE ${Prisma.join([Prisma.sql`o.id = ${id}::uuid`, ...conditions], ' AND ')}`,
  ]);
  return passed === 1;
}

function hasFewer({ points, seconds }: MailRate, whose: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`${points}::int > (
    SELECT count(*) FROM (SELECT ${earlier(seconds)} AND ${whose} LIMIT ${points}::int) mails)`;
}

/** Mails of the same purpose that have passed: sent within these seconds, or being sent. */
function earlier(seconds: number): Prisma.Sql {
  return Prisma.sql`FROM outbox e WHERE e.purpose = o.purpose AND e.id <> o.id AND e.recipient_key IS NOT NULL
    AND e.failed_at IS NULL
    AND (e.sent_at IS NULL OR e.sent_at > clock_timestamp() - make_interval(secs => ${seconds}::int))`;
}

function saysTheSame(key: string): Prisma.Sql {
  return Prisma.sql`e.recipient_key = ${key} AND e.user_id IS NOT DISTINCT FROM o.user_id
    AND (e.detail->>'ip', e.detail->>'device') IS NOT DISTINCT FROM (o.detail->>'ip', o.detail->>'device')`;
}
