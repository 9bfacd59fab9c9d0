import type { Db } from '../db/database.js';
import type { ErrorCode } from '../errors.js';
import type { AccessClaims } from './access-tokens.js';

/** A session that has ended although access tokens of it may still be out there, until `keepUntil`. */
export type EndedSession = { id: string; userId: string; keepUntil: Date };

/** Knows, without asking the database, which live access tokens are to be refused. */
export type Revocations = {
  /** Remembers endings that have been committed. */
  add(ended: EndedSession[]): void;
  /** Why a token that is genuine and unexpired is refused all the same; undefined where it is not. */
  refusal(claims: AccessClaims): ErrorCode | undefined;
};

/** Loads what is still to be refused, so that a restart forgets nothing. */
export async function loadRevocations(db: Db): Promise<Revocations> {
  const endedSessions = new Map<string, number>();
  const add = (id: string, keepUntil: Date) => endedSessions.set(id, keepUntil.getTime());
  const rows = await db.revocation.findMany({ where: { keepUntil: { gt: new Date() } } });
  for (const row of rows) if (row.sessionId) add(row.sessionId, row.keepUntil);
  return {
    add(ended) {
      for (const session of ended) add(session.id, session.keepUntil);
    },
    refusal: (claims) => (endedSessions.has(claims.sid) ? 'session_revoked' : undefined),
  };
}
