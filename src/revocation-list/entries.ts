import { createHash } from 'node:crypto';
import { clockTolerance, type Remembered, type Revocation } from '../sessions/revocations.js';

/** What a service must refuse. Times are when an entry may be forgotten, in seconds since 1970. */
export type Entries = {
  /** Tokens of these sessions or keys, by the hash of their `sid`. */
  sessions: Record<string, number>;
  /** Tokens of these users with a lower `ver`, by the hash of their `sub`. */
  users: Record<string, [version: number, until: number]>;
  /** Tokens of sessions of these users with a lower `epoch`, except those of the session whose hash follows. */
  epochs: Record<string, [epoch: number, until: number, kept?: string]>;
};

/** Who holds a token can find its ids in the list; everybody else learns how many there are. */
type HashId = (id: string) => string;

export function createHashId(issuer: string): HashId {
  return (id) => createHash('sha256').update(`${issuer}\n${id}`).digest('base64url').slice(0, 22);
}

/** Everything that is remembered and not over. @param now milliseconds since 1970 */
export function entriesOf({ sessions, versions, epochs }: Remembered, hash: HashId, now: number): Entries {
  const entries: Entries = { sessions: {}, users: {}, epochs: {} };
  for (const [id, until] of sessions) if (until > now) entries.sessions[hash(id)] = seconds(until);
  for (const [id, { version, until }] of versions) if (until > now) entries.users[hash(id)] = [version, seconds(until)];
  for (const [id, ended] of epochs) if (ended.until > now) addEpoch(entries, hash, id, ended);
  return entries;
}

/** The same of what has just become known. */
export function entriesOfNew(known: Revocation[], hash: HashId): Entries {
  const entries: Entries = { sessions: {}, users: {}, epochs: {} };
  for (const one of known) {
    const until = one.keepUntil.getTime() + clockTolerance;
    if (one.sessionId !== null) entries.sessions[hash(one.sessionId)] = seconds(until);
    else if (one.version !== null) entries.users[hash(one.userId)] = [one.version, seconds(until)];
    else addEpoch(entries, hash, one.userId, { ...one, until });
  }
  return entries;
}

type EndedEpoch = { epoch: number; keptId: string | null; sessionIds: string[]; until: number };

function addEpoch(entries: Entries, hash: HashId, userId: string, { epoch, keptId, sessionIds, until }: EndedEpoch) {
  const numbers = [epoch, seconds(until)] as const;
  entries.epochs[hash(userId)] = keptId === null ? [...numbers] : [...numbers, hash(keptId)];
  for (const id of sessionIds) entries.sessions[hash(id)] ??= seconds(until);
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
