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

/** @param remembered hashes that are kept, and as many again that were used before: hashing a long list takes 100 ms */
export function createHashId(issuer: string, remembered: number): HashId {
  let [recent, before] = [new Map<string, string>(), new Map<string, string>()];
  return (id) => {
    const known = recent.get(id);
    if (known !== undefined) return known;
    const hashed = before.get(id) ?? createHash('sha256').update(`${issuer}\n${id}`).digest('base64url').slice(0, 22);
    if (recent.size >= remembered) [recent, before] = [new Map(), recent];
    recent.set(id, hashed);
    return hashed;
  };
}

const none = (): Entries => ({ sessions: {}, users: {}, epochs: {} });

/** Everything that is remembered and not over. @param now milliseconds since 1970 */
export function entriesOf({ sessions, versions, epochs }: Remembered, hash: HashId, now: number): Entries {
  const entries = none();
  for (const [id, until] of sessions) if (until > now) addSession(entries, hash(id), until);
  for (const [id, { version, until }] of versions) if (until > now) addVersion(entries, hash(id), version, until);
  for (const [id, ended] of epochs) if (ended.until > now) addEpoch(entries, hash, id, ended);
  return entries;
}

/** The same of what has just become known, in any order. */
export function entriesOfNew(known: Revocation[], hash: HashId): Entries {
  const entries = none();
  for (const one of known) {
    const until = one.keepUntil.getTime() + clockTolerance;
    if (one.sessionId !== null) addSession(entries, hash(one.sessionId), until);
    else if (one.version !== null) addVersion(entries, hash(one.userId), one.version, until);
    else addEpoch(entries, hash, one.userId, { ...one, until });
  }
  return entries;
}

function addSession({ sessions }: Entries, id: string, until: number): void {
  sessions[id] = Math.max(sessions[id] ?? 0, seconds(until));
}

function addVersion({ users }: Entries, id: string, version: number, until: number): void {
  const [least, longest] = users[id] ?? [0, 0];
  users[id] = [Math.max(version, least), Math.max(longest, seconds(until))];
}

type EndedEpoch = { epoch: number; keptId: string | null; sessionIds: string[]; until: number };

function addEpoch(
  entries: Entries,
  hash: HashId,
  userId: string,
  { epoch, keptId, sessionIds, until }: EndedEpoch,
): void {
  const id = hash(userId);
  for (const sessionId of sessionIds) addSession(entries, hash(sessionId), until);
  const [least, longest] = entries.epochs[id] ?? [-1, 0];
  // The newest says what is spared.
  if (epoch < least) return;
  const numbers = [epoch, Math.max(longest, seconds(until))] as const;
  entries.epochs[id] = keptId === null ? [...numbers] : [...numbers, hash(keptId)];
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
