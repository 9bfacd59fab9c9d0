import { randomUUID } from 'node:crypto';
import { writeApiKey } from './api-key-format.js';
import { forgeries } from './testing/forgeries.js';
import type { Forgery } from './testing/forgery.js';
import { serve } from './testing/server.js';
import { fieldsOf, newKey, signed } from './testing/signing.js';
import { changed, newState, randomText, signingKey } from './testing/state.js';

export type { Forgery };

/** What a token of a test says. Everything has a default. */
export type TestTokenFields = {
  /** A user's id, a UUID. */
  sub?: string;
  /** A session's id, a UUID. */
  sid?: string;
  roles?: string[];
  /** Permissions with one space between. */
  scope?: string;
  /** Seconds. By default 900. */
  expiresIn?: number;
  /** Claims of your own, and ours where a test wants others. */
  [claim: string]: unknown;
};

/** A pretended Gatelatch. */
export type TestIssuer = {
  /** For `createVerifier`. */
  options: { issuer: string; audience: string; apiKey: string };
  /** Signs an access token of a session. */
  token(fields?: TestTokenFields): string;
  /** Makes an API key. `expiresIn` is in seconds. */
  apiKey(fields: { scopes: string[]; sub?: string; roles?: string[]; expiresIn?: number }): string;
  /** Makes a token that must be refused. */
  forged(how: Forgery): string;
  /** Every way of `forged`. */
  forgeries: Forgery[];
  /** Ends a session or a key: by its id, by a token of it, or by the key. */
  endSession(sidOrToken: string): void;
  /** Makes the tokens that a user has stale. Later ones are good. */
  changeRoles(sub: string): void;
  /** Signs by the next key from now on, which is known already. The old ones stay good, unless they are revoked. */
  rotateKeys(options?: { revokeOld?: boolean }): void;
  /** Answers nothing any more, and the stream goes silent, as if a cable was cut. */
  freeze(): void;
  /** Ends that. What was asked meanwhile stays without an answer. */
  thaw(): void;
  close(): Promise<void>;
};

/** Starts a pretended Gatelatch on this machine, for tests: no database, no Docker. Close it at the end. */
export async function createTestIssuer({ audience = 'gatelatch' } = {}): Promise<TestIssuer> {
  const state = newState(audience);
  const server = await serve(state);
  const { issuer, verifierKey } = state;

  function token({ expiresIn = 900, ...fields }: TestTokenFields = {}): string {
    const iat = Math.floor(Date.now() / 1000);
    const sub = fields.sub ?? randomUUID();
    const claims = { client_id: audience, sid: randomUUID(), roles: [], scope: '', ver: state.users.get(sub) ?? 0 };
    const session = { epoch: 0, amr: ['pwd'], acr: 'aal1', auth_time: iat };
    const times = { iat, exp: iat + expiresIn };
    const all = { iss: issuer, aud: audience, ...claims, ...session, ...times, jti: randomUUID(), ...fields, sub };
    return signed(signingKey(state), 'at+jwt', all);
  }

  return {
    options: { issuer, audience, apiKey: verifierKey },
    token,
    apiKey({ scopes, sub = randomUUID(), roles = [], expiresIn = 86_400 }) {
      const sid = randomUUID();
      const key = writeApiKey(sid, randomText());
      const iat = Math.floor(Date.now() / 1000);
      const names = { iss: issuer, aud: audience, sub, client_id: sub, sid, jti: randomUUID() };
      const rights = { roles, scope: [...scopes].sort().join(' '), kind: 'api_key' };
      state.apiKeys.set(key, { ...names, ...rights, iat, exp: iat + expiresIn });
      return key;
    },
    forged: (how) => forgeries[how](token(), signingKey(state)),
    forgeries: Object.keys(forgeries) as Forgery[],
    endSession(sidOrToken) {
      const { sid } = state.apiKeys.get(sidOrToken) ?? (sidOrToken.includes('.') ? fieldsOf(sidOrToken, 1) : {});
      state.sessions.add(String(sid ?? sidOrToken));
      changed(state);
    },
    changeRoles(sub) {
      state.users.set(sub, (state.users.get(sub) ?? 0) + 1);
      changed(state);
    },
    rotateKeys({ revokeOld = false } = {}) {
      state.keys = [...(revokeOld ? state.keys.slice(-1) : state.keys), newKey()];
      changed(state);
    },
    freeze() {
      state.isFrozen = true;
    },
    thaw() {
      state.isFrozen = false;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
