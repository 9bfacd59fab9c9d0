import { v7 as uuidv7 } from 'uuid';
import { auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { OutboxWake } from '../platform/outbox/wake.js';
import type { ShownUser } from '../users/json.js';
import { type User, userColumns } from '../users/users.js';
import { type AccessTokenSettings, signAccessToken } from './access-tokens.js';
import { endOldestSessions } from './end.js';
import { newRefreshToken } from './refresh-tokens.js';
import type { Revocations } from './revocations.js';

/** Lifetimes are in seconds. */
export type SessionTokens = {
  sessionId: string;
  user: ShownUser & { epoch: number };
  accessToken: string;
  accessExpiresIn: number;
  refreshToken: string;
  refreshExpiresIn: number;
};

/** In seconds. */
export type SessionSettings = AccessTokenSettings & {
  refreshTtl: number;
  refreshGrace: number;
  sessionMaxAge: number;
  maxSessions: number;
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
): Promise<SessionTokens | undefined> {
  const { db, keys, config } = deps;
  const sessionId = uuidv7();
  const refreshToken = newRefreshToken(keys, sessionId);
  const issuedAt = Math.floor(Date.now() / 1000);
  const accessExpiresAt = new Date((issuedAt + config.tokens.accessTtl) * 1000);
  const actor = { actorId: userId, caller };
  const recorded = auditEvent(action, userId, actor, { session_id: sessionId }, Prisma.sql`FROM u`);
  const [row] = await db.direct<User & { isFull: boolean }>(Prisma.sql`
    WITH u AS (${signedIn}), started AS (
      INSERT INTO session (id, user_id, epoch, nonce_hash, access_expires_at, ip, user_agent)
      SELECT ${sessionId}::uuid, u.id, u.epoch, ${refreshToken.nonceHash}::bytea,
        ${accessExpiresAt}::timestamptz, ${caller.address}, ${caller.userAgent ?? null} FROM u
    ), recorded AS (${recorded}) ${mail ? Prisma.sql`, mailed AS (${mail})` : Prisma.empty}
    SELECT ${userColumns}, EXISTS (SELECT FROM session s WHERE s.user_id = u.id AND s.ended_at IS NULL
      AND s.epoch = u.epoch OFFSET ${config.tokens.maxSessions - 1}) AS "isFull" FROM u`);
  if (!row) return undefined;
  const { isFull, ...user } = row;
  if (isFull) await endOldestSessions(deps, userId, config.tokens.maxSessions);
  if (mail) deps.outboxWake?.wake();
  return {
    sessionId,
    user,
    accessToken: signAccessToken(keys, config.tokens, { ...user, sessionId }, issuedAt),
    accessExpiresIn: config.tokens.accessTtl,
    refreshToken: refreshToken.text,
    refreshExpiresIn: config.tokens.refreshTtl,
  };
}
