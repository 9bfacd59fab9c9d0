import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { Notice } from '../platform/outbox/outbox.js';
import type { TakenMail } from '../platform/outbox/queue.js';
import { canonical } from '../users/users.js';
import { keepToken, type NewToken, newToken } from './one-time-tokens.js';

/** A mail whose sender knows all that it says. */
export type Letter =
  | { about: 'verify' | 'reset'; to: string; username: string; token: string }
  | { about: 'already_registered'; to: string }
  | { about: Notice; to: string; username: string; ip: string | null; userAgent: string | null };

type LetterDeps = { db: Db };

/**
 * What a mail from the outbox says as of now, and to whom; a token is made for it here.
 * @returns undefined where nothing is to be sent: nobody has that address, it is verified by now, the user is disabled
 */
export async function letterFor(deps: LetterDeps, mail: TakenMail): Promise<Letter | undefined> {
  switch (mail.purpose) {
    case 'forgot':
      return resetLetter(deps, mail.recipient);
    case 'resend':
      return resentLetter(deps, mail.recipient);
    case 'verify':
      return mail.userId === null ? undefined : verifyLetter(deps, mail.userId, mail.recipient);
    default: {
      const { username = '', ip = null, userAgent = null } = mail.detail;
      return { about: mail.purpose, to: mail.recipient, username, ip, userAgent };
    }
  }
}

type Addressee = { username: string; email: string };

/** Goes to the address that the user has, not to how somebody typed it (CVE-2019-19844). */
async function resetLetter(deps: LetterDeps, typed: string): Promise<Letter | undefined> {
  const token = newToken();
  const user = await give(
    deps,
    'reset',
    token,
    Prisma.sql`
    SELECT *, email_key AS to_key FROM "user" WHERE email_key = ${canonical(typed)} AND disabled_at IS NULL`,
  );
  return user && { about: 'reset', to: user.email, username: user.username, token: token.token };
}

async function resentLetter(deps: LetterDeps, typed: string): Promise<Letter | undefined> {
  const key = canonical(typed);
  const [waiting] = await deps.db.$queryRaw<{ id: string; address: string }[]>`
    SELECT id, coalesce(pending_email, email) AS address FROM "user"
    WHERE disabled_at IS NULL
      AND (pending_email_key = ${key} OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))
    ORDER BY id DESC LIMIT 1`;
  return waiting && verifyLetter(deps, waiting.id, waiting.address);
}

async function verifyLetter(deps: LetterDeps, userId: string, address: string): Promise<Letter | undefined> {
  const key = canonical(address);
  // Whoever waits for an address that somebody has is told nothing; its owner is told.
  if (await isTaken(deps, userId, key)) return { about: 'already_registered', to: address };
  const token = newToken();
  // Of the address that they have and one that they wait for, the latter is what the user last asked for.
  const user = await give(
    deps,
    'verify',
    token,
    Prisma.sql`
    SELECT *, ${key} AS to_key FROM "user" WHERE id = ${userId}::uuid AND disabled_at IS NULL
      AND (pending_email_key = ${key}
        OR (email_key = ${key} AND email_verified_at IS NULL AND pending_email IS NULL))`,
  );
  return user && { about: 'verify', to: address, username: user.username, token: token.token };
}

async function isTaken({ db }: LetterDeps, userId: string, key: string): Promise<boolean> {
  // Only for one who really waits for it: otherwise nothing is to be sent at all.
  const rows = await db.$queryRaw<unknown[]>`
    SELECT FROM "user" owner, "user" waiting
    WHERE owner.email_key = ${key} AND owner.id <> waiting.id
      AND waiting.id = ${userId}::uuid AND waiting.pending_email_key = ${key}`;
  return rows.length > 0;
}

/** Keeps a token for the one user that the statement finds, if it finds one. */
async function give({ db }: LetterDeps, purpose: 'verify' | 'reset', token: NewToken, user: Prisma.Sql) {
  const [addressee] = await db.$queryRaw<Addressee[]>`
    WITH u AS (${user}), kept AS (${keepToken(purpose, token, Prisma.sql`FROM u`)} RETURNING user_id)
    SELECT u.username, u.email FROM u JOIN kept ON kept.user_id = u.id`;
  return addressee;
}
