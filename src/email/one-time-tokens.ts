import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Prisma } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';

/** What a mailed token does: `verify` an e-mail address, or `reset` a password. */
export type TokenPurpose = 'verify' | 'reset';

/** A token as it was mailed. One of another kind is not told from one that is used up. */
export const mailTokenSchema = z.string().max(200);

/** How long they are good, in seconds. */
export const tokenLife: Record<TokenPurpose, number> = { verify: 24 * 3600, reset: 30 * 60 };

/** 256 random bits, for the mail and nowhere else, and what the database keeps of them. */
export type NewToken = { token: string; hash: Uint8Array<ArrayBuffer> };

export function newToken(): NewToken {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

/** Without a salt: there is nothing to guess in 256 random bits. */
function hashOf(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/**
 * An INSERT that keeps a new token for users, of whom the former one is dead from then on.
 * @param from gives the user's row as `u`, and the canonical form of the address that the token is sent to as `to_key`
 */
export function keepToken(purpose: TokenPurpose, { hash }: NewToken, from: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO one_time_token (user_id, purpose, hash, email_key, expires_at)
    SELECT u.id, ${purpose}, ${hash}::bytea, to_key, clock_timestamp() + make_interval(secs => ${tokenLife[purpose]}) ${from}
    ON CONFLICT (user_id, purpose) DO UPDATE
      SET hash = excluded.hash, email_key = excluded.email_key, expires_at = excluded.expires_at`;
}

/** The user of a token, without using it up; undefined where it is none (any more). */
export async function tokenHolder(
  { db }: { db: Db },
  purpose: TokenPurpose,
  token: string,
): Promise<string | undefined> {
  const [row] = await db.$queryRaw<{ userId: string }[]>`
    SELECT user_id AS "userId" FROM one_time_token WHERE ${isLive(purpose, token)}`;
  return row?.userId;
}

/**
 * Uses a token up: of any number who try at once one gets the canonical address that it was sent to, and the others
 * undefined. To be called in the transaction of what the token does, so that neither happens without the other.
 */
export async function spendToken(tx: Transaction, purpose: TokenPurpose, token: string): Promise<string | undefined> {
  const [row] = await tx.$queryRaw<{ emailKey: string }[]>`
    DELETE FROM one_time_token WHERE ${isLive(purpose, token)} RETURNING email_key AS "emailKey"`;
  return row?.emailKey;
}

/** Ends every token of a user, as after a change of password or e-mail. */
export async function endTokens(tx: Transaction, userId: string): Promise<void> {
  await tx.$executeRaw`DELETE FROM one_time_token WHERE user_id = ${userId}::uuid`;
}

function isLive(purpose: TokenPurpose, token: string): Prisma.Sql {
  return Prisma.sql`hash = ${hashOf(token)} AND purpose = ${purpose} AND expires_at > clock_timestamp()`;
}
