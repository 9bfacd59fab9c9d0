import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Prisma } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';

export type TokenPurpose = 'verify' | 'reset';

/** A token as mailed. A malformed token gets the same refusal as a used one. */
export const mailTokenSchema = z.string().max(200);

/** Lifetimes in seconds. */
const tokenLife: Record<TokenPurpose, number> = { verify: 24 * 3600, reset: 30 * 60 };

/** 256 random bits for the mail only, and their hash for the database. */
type NewToken = { token: string; hash: Uint8Array<ArrayBuffer> };

export function newToken(): NewToken {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: tokenHash(token) };
}

/** No salt: 256 random bits cannot be guessed. */
export function tokenHash(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/**
 * An INSERT that replaces the user's former token.
 * @param from gives the user as `u` and the mail's address as `to_key`
 */
export function keepToken(purpose: TokenPurpose, { hash }: NewToken, from: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO one_time_token (user_id, purpose, hash, email_key, expires_at)
    SELECT u.id, ${purpose}, ${hash}::bytea, to_key, clock_timestamp() + make_interval(secs => ${tokenLife[purpose]}) ${from}
    ON CONFLICT (user_id, purpose) DO UPDATE
      SET hash = excluded.hash, email_key = excluded.email_key, expires_at = excluded.expires_at`;
}

/** The user of a live token; the token is not used up. */
export async function userOfToken(
  { db }: { db: Db },
  purpose: TokenPurpose,
  token: string,
): Promise<string | undefined> {
  const [row] = await db.$queryRaw<{ userId: string }[]>`
    SELECT user_id AS "userId" FROM one_time_token WHERE ${isLive(purpose, token)}`;
  return row?.userId;
}

/**
 * Uses a token up: of parallel attempts only one gets the canonical address that it was mailed to. Call it in the
 * transaction of what the token does.
 */
export async function useToken(tx: Transaction, purpose: TokenPurpose, token: string): Promise<string | undefined> {
  const [row] = await tx.$queryRaw<{ emailKey: string }[]>`
    DELETE FROM one_time_token WHERE ${isLive(purpose, token)} RETURNING email_key AS "emailKey"`;
  return row?.emailKey;
}

export async function endTokens(tx: Transaction, userId: string): Promise<void> {
  await tx.$executeRaw`DELETE FROM one_time_token WHERE user_id = ${userId}::uuid`;
}

function isLive(purpose: TokenPurpose, token: string): Prisma.Sql {
  return Prisma.sql`hash = ${tokenHash(token)} AND purpose = ${purpose} AND expires_at > clock_timestamp()`;
}
