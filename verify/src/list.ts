import { asObject, type Fields, headerOf, payloadOf } from './jws.js';
import type { KeySet } from './key-set.js';
import type { Settings } from './options.js';
import type { Entries } from './revocation-memory.js';

export type List = {
  /** Whether it has everything, or adds to what was known. */
  complete: boolean;
  /** Seconds since 1970. */
  iat: number;
  exp: number;
  /** The keys that are good now. */
  kids: ReadonlySet<string>;
  entries: Entries;
};

/**
 * Opens a signed list.
 * @throws Error if it is not a list of the issuer, or says nothing any more
 */
export async function openList(text: string, settings: Settings, keys: KeySet): Promise<List> {
  const header = headerOf(text.trim(), 'revocations+jwt');
  // It may be a new key.
  const key = header && (await keys.lookUp(header.kid, 0));
  const payload = header && key && (await payloadOf(text.trim(), header, key));
  const list = payload && listIn(payload, settings);
  if (!list?.kids.has(header?.kid ?? '')) throw new Error(`The list of endings is none of ${settings.issuer}.`);
  return list;
}

function listIn(payload: Fields, { issuer, clockTolerance }: Settings): List | undefined {
  const { iss, iat, exp, complete, keys, sessions, users, epochs = {} } = payload;
  const [earliest, latest] = [(Date.now() - clockTolerance) / 1000, (Date.now() + clockTolerance) / 1000];
  if (iss !== issuer || !isNumber(iat) || !isNumber(exp) || typeof complete !== 'boolean') return undefined;
  if (iat > latest || exp < earliest)
    throw new Error('The list of endings is too old or from the future. Do the clocks agree?');
  const entries = entriesIn(sessions, users, epochs);
  const isKids = Array.isArray(keys) && keys.every((kid) => typeof kid === 'string');
  return entries && isKids ? { complete, iat, exp, kids: new Set(keys), entries } : undefined;
}

/** @returns undefined if anything cannot be read: then nothing is believed */
function entriesIn(sessions: unknown, users: unknown, epochs: unknown): Entries | undefined {
  const [ended, versions, allEnded] = [asObject(sessions), asObject(users), asObject(epochs)];
  if (!ended || !versions || !allEnded) return undefined;
  const entries: Entries = { sessions: [], users: [], epochs: [] };
  for (const [id, until] of Object.entries(ended)) {
    if (!isNumber(until)) return undefined;
    entries.sessions.push([id, until]);
  }
  for (const [id, least] of Object.entries(versions)) {
    const [version, until] = Array.isArray(least) ? least : [];
    if (!isNumber(version) || !isNumber(until)) return undefined;
    entries.users.push([id, version, until]);
  }
  for (const [id, least] of Object.entries(allEnded)) {
    const [epoch, until, kept] = Array.isArray(least) ? least : [];
    if (!isNumber(epoch) || !isNumber(until) || !['string', 'undefined'].includes(typeof kept)) return undefined;
    entries.epochs.push([id, epoch, until, kept]);
  }
  return entries;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
