import { v7 as uuidv7 } from 'uuid';
import { auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { OutboxWake } from '../platform/outbox/wake.js';
import { type User, userColumns } from '../users/users.js';
import { signAccessToken } from './access-tokens.js';
import type { SessionSettings } from './lifetime.js';
import { newNonce, nonceHash, sealRefreshToken } from './refresh-tokens.js';
import type { Revocations } from './revocations.js';

/** Lifetimes are in seconds. */
export type SessionTokens = {
  sessionId: string;
  user: User;
  accessToken: string;
  accessExpiresIn: number;
  refreshToken: string;
  refreshExpiresIn: number;
};

export type SessionsDeps = {
  db: Db;
  keys: SigningKeys;
  revocations: Revocations;
  outboxWake?: OutboxWake;
  config: { tokens: SessionSettings };
};

/** Inserts and records a session for the user that `signedIn` returns. @param mail an INSERT of a mail to `u` */
export async function startSession(
  deps: SessionsDeps,
  signedIn: Prisma.Sql,
  action: 'login.succeeded' | 'user.created',
  userId: string,
  caller: Caller,
  mail?: Prisma.Sql,
) {
  const { db, keys, config } = deps;
  const sessionId = uuidv7();
  const nonce = newNonce();
  const issuedAt = secondsNow();
  const actor = { actorId: userId, caller };
  const recorded = auditEvent(action, userId, actor, { session_id: sessionId }, Prisma.sql`FROM u`);
  const [user] = await db.$queryRaw<User[]>`
    WITH u AS (${signedIn}), started AS (
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at, ip, user_agent)
      SELECT ${sessionId}::uuid, u.id, ${nonceHash(nonce)}::bytea,
        ${accessExpiry(config.tokens, issuedAt)}::timestamptz, ${caller.address}, ${caller.userAgent ?? null} FROM u
    ), recorded AS (${recorded}) ${mail ? Prisma.sql`, mailed AS (${mail})` : Prisma.empty}
    SELECT ${userColumns} FROM u`;
  if (!user) return undefined;
  if (mail) deps.outboxWake?.wake();
  const refreshToken = sealRefreshToken(keys, { keyId: keys.active('refresh').kid, sessionId, counter: 0, nonce });
  return { ...signFor(deps, user, sessionId, issuedAt), refreshToken, refreshExpiresIn: config.tokens.refreshTtl };
}

export function signFor(
  { keys, config }: Pick<SessionsDeps, 'keys' | 'config'>,
  user: User,
  sessionId: string,
  issuedAt: number,
): Pick<SessionTokens, 'sessionId' | 'user' | 'accessToken' | 'accessExpiresIn'> {
  const tokenUser = { userId: user.id, roles: user.roles, version: user.version, sessionId };
  const accessToken = signAccessToken(keys, config.tokens, tokenUser, issuedAt);
  return { sessionId, user, accessToken, accessExpiresIn: config.tokens.accessTtl };
}

export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}

export function accessExpiry({ accessTtl }: SessionSettings, issuedAt: number): Date {
  return new Date((issuedAt + accessTtl) * 1000);
}
