import { randomBytes } from 'node:crypto';
import { base62 } from '../api-key-format.js';
import { createHashId } from '../revocation-memory.js';
import { type Fields, newKey, signed, type TestKey } from './signing.js';

/** What the pretended Gatelatch knows. */
export type State = {
  issuer: string;
  audience: string;
  /** The last one but one signs; the last one is next, and published as early as at Gatelatch. */
  keys: TestKey[];
  /** Of sessions and keys that have ended. */
  sessions: Set<string>;
  /** The least version that is good. */
  users: Map<string, number>;
  /** Claims by the text of a key. */
  apiKeys: Map<string, Fields>;
  /** What a verifier shows at introspection. */
  verifierKey: string;
  changes: number;
  isFrozen: boolean;
  /** What is told of each change. */
  listeners: Set<() => void>;
};

export function newState(audience: string): State {
  return {
    issuer: '',
    audience,
    keys: [newKey(), newKey()],
    sessions: new Set(),
    users: new Map(),
    apiKeys: new Map(),
    verifierKey: randomText(),
    changes: 0,
    isFrozen: false,
    listeners: new Set(),
  };
}

export function signingKey({ keys }: State): TestKey {
  const key = keys.at(-2);
  if (!key) throw new Error('There is no key.');
  return key;
}

export function changed(state: State): void {
  state.changes += 1;
  for (const listener of state.listeners) listener();
}

/** Everything that is refused, as Gatelatch signs it. */
export function wholeList(state: State): { text: string; etag: string; seq: string } {
  const hash = createHashId(state.issuer);
  const iat = Math.floor(Date.now() / 1000);
  const until = iat + 86_400;
  const seq = `test.${state.changes}`;
  const content = {
    keys: state.keys.map(({ kid }) => kid),
    sessions: Object.fromEntries([...state.sessions].map((sid) => [hash(sid), until])),
    users: Object.fromEntries([...state.users].map(([sub, version]) => [hash(sub), [version, until]])),
    epochs: {},
  };
  const payload = { iss: state.issuer, seq, complete: true, ...content, iat, exp: iat + 30 };
  return { text: signed(signingKey(state), 'revocations+jwt', payload), etag: `"${seq}"`, seq };
}

/** 43 characters of base62, as the random part of a key. */
export function randomText(): string {
  return base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43);
}
