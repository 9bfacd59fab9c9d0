import { createHash } from 'node:crypto';
import type { AccessClaims } from './access-claims.js';
import type { RefusalCode } from './refusals.js';

/** What a list says. Times are seconds since 1970, after which an entry may be forgotten; ids are hashed. */
export type Entries = {
  sessions: [id: string, until: number][];
  users: [id: string, version: number, until: number][];
  epochs: [id: string, epoch: number, until: number, kept: string | undefined][];
};

/** The hashes of a token's ids, as the list has them. */
export type HashedIds = { sid: string; sub: string };

export type Refusal = Extract<RefusalCode, 'session_revoked' | 'token_stale'>;

/** Everything that was ever listed, until its time is over: a later list may come from another instance, and lack some. */
export type RevocationMemory = {
  add(entries: Entries): void;
  refusalOf(claims: AccessClaims, ids: HashedIds): Refusal | undefined;
  hasSession(hashedId: string): boolean;
  /** Forgets what is over. */
  sweep(): void;
  size(): number;
};

export function createHashId(issuer: string): (id: string) => string {
  return (id) => createHash('sha256').update(`${issuer}\n${id}`).digest('base64url').slice(0, 22);
}

/** @param clockTolerance milliseconds that entries are kept longer: the other clock may be ahead */
export function createRevocationMemory(clockTolerance: number): RevocationMemory {
  const sessions = new Map<string, number>();
  const users = new Map<string, { version: number; until: number }>();
  const epochs = new Map<string, { epoch: number; until: number; kept: string | undefined }>();

  return {
    add(entries) {
      for (const [id, until] of entries.sessions) sessions.set(id, Math.max(until, sessions.get(id) ?? 0));
      for (const [id, version, until] of entries.users) {
        const known = users.get(id);
        const longest = Math.max(until, known?.until ?? 0);
        users.set(id, { version: Math.max(version, known?.version ?? 0), until: longest });
      }
      for (const [id, epoch, until, kept] of entries.epochs) {
        const known = epochs.get(id);
        const longest = Math.max(until, known?.until ?? 0);
        // The newest epoch decides what is spared.
        epochs.set(id, known && known.epoch > epoch ? { ...known, until: longest } : { epoch, until: longest, kept });
      }
    },
    refusalOf({ kind, ver, epoch = 0 }, { sid, sub }) {
      if (sessions.has(sid)) return 'session_revoked';
      const ended = epochs.get(sub);
      // Keys go on when every session of their owner ends.
      if (kind === 'session' && ended && epoch < ended.epoch && sid !== ended.kept) return 'session_revoked';
      return ver < (users.get(sub)?.version ?? 0) ? 'token_stale' : undefined;
    },
    hasSession: (hashedId) => sessions.has(hashedId),
    sweep() {
      const now = (Date.now() - clockTolerance) / 1000;
      for (const [id, until] of sessions) if (until < now) sessions.delete(id);
      for (const least of [users, epochs]) for (const [id, { until }] of least) if (until < now) least.delete(id);
    },
    size: () => sessions.size + users.size + epochs.size,
  };
}
