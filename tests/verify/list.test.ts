import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Fields, newKey, signed } from '../../verify/src/testing/signing.js';
import { startStub } from './support/stub.js';
import { answerTo, newVerifier, startVerifier, timeUntil } from './support/verifiers.js';

type Said = { payload?: Fields; typ?: string; key?: ReturnType<typeof newKey>; header?: Fields };

const now = () => Math.floor(Date.now() / 1000);

/** An issuer whose list says what a test wants. */
async function startSaying(first: Said = {}, hasCache = false) {
  const [key, other] = [newKey(), newKey()];
  let said = first;
  const { url } = await startStub((req, res, issuer) => {
    const known = `${issuer}/.well-known`;
    if (req.url?.endsWith('/oauth-authorization-server'))
      return res.end(
        JSON.stringify({ issuer, jwks_uri: `${known}/jwks.json`, gatelatch_revocations_uri: `${known}/revocations` }),
      );
    if (req.url?.endsWith('/jwks.json')) return res.end(JSON.stringify({ keys: [key.jwk, other.jwk] }));
    if (hasCache) res.setHeader('ETag', '"1"');
    // As a cache does that cannot reach its server.
    if (hasCache && req.headers['if-none-match'] !== undefined) return res.writeHead(304).end();
    const whole = { complete: true, keys: [key.kid], sessions: {}, users: {} };
    const payload = { iss: issuer, iat: now(), exp: now() + 30, seq: '1', ...whole, ...said.payload };
    return res.end(signed(said.key ?? key, said.typ ?? 'revocations+jwt', payload, said.header));
  });
  const options = { issuer: url, revocations: 'poll' as const, maxStaleness: 3 };
  const hash = (id: string) => createHash('sha256').update(`${url}\n${id}`).digest('base64url').slice(0, 22);
  const token = (fields: Fields = {}, by = key) => {
    const ids = { iss: url, aud: 'gatelatch', client_id: 'gatelatch', sub: randomUUID(), sid: randomUUID(), jti: 'j' };
    return signed(by, 'at+jwt', { ...ids, roles: [], ver: 0, iat: now(), exp: now() + 900, ...fields });
  };
  const say = (next: Said) => {
    said = next;
  };
  return { options, token, hash, say, key, other };
}

describe('A list is not believed', () => {
  const stranger = newKey();
  it.each<[string, (kid: string) => Said]>([
    ['if another key signed it', (kid) => ({ key: { ...stranger, kid } })],
    ['if a key signed it that it does not name', () => ({ payload: { keys: ['other'] } })],
    ['if it is an access token', () => ({ typ: 'at+jwt' })],
    ['if it is of another issuer', () => ({ payload: { iss: 'https://evil.example' } })],
    ['once it is over', () => ({ payload: { iat: now() - 60, exp: now() - 30 } })],
    ['if it is from the future', () => ({ payload: { iat: now() + 60, exp: now() + 90 } })],
    ['if its header says more', () => ({ header: { cty: 'x' } })],
    ['if the first one leaves something out', () => ({ payload: { complete: false } })],
    ['if an entry cannot be read', () => ({ payload: { sessions: { x: 'soon' } } })],
    ['if the users cannot be read', () => ({ payload: { users: { x: 4 } } })],
    ['if it has no sessions', () => ({ payload: { sessions: undefined } })],
  ])('%s', async (_, said) => {
    const { options, say, key } = await startSaying();
    say(said(key.kid));
    const verifier = newVerifier(options);
    await expect(verifier.ready(0.7)).rejects.toThrow('Nothing was heard');
    expect(verifier.told.join()).toMatch(/list of endings/);
    expect(verifier.lag()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('"Nothing new"', () => {
  it('is believed for half of the life of a list, because nobody signs it', async () => {
    const { options, token, hash, say } = await startSaying({ payload: { exp: now() + 6 } }, true);
    const verifier = await startVerifier(options);
    const sid = randomUUID();
    say({ payload: { sessions: { [hash(sid)]: now() + 900 } } });
    expect(await answerTo(verifier, token({ sid }))).toBe('accepted');
    expect(await timeUntil('session_revoked', verifier, token({ sid }))).toBeLessThan(5_000);
  });
});

describe('What was listed', () => {
  it('stays refused, whatever a later list lacks, and members that nobody knows do not matter', async () => {
    const { options, token, hash, say } = await startSaying();
    const [sid, sub, until] = [randomUUID(), randomUUID(), now() + 900];
    say({
      payload: { sessions: { [hash(sid)]: until }, users: { [hash(sub)]: [2, until] }, more: { of: 'that' } },
    });
    const verifier = await startVerifier(options);
    const [ended, stale] = [token({ sid }), token({ sub, ver: 1 })];
    say({ payload: { users: { [hash(sub)]: [1, until] } } });
    await expect.poll(verifier.lag).toBeLessThan(500);
    await expect.poll(verifier.lag).toBeGreaterThan(900);
    await expect.poll(verifier.lag).toBeLessThan(500);
    expect(await answerTo(verifier, ended)).toBe('session_revoked');
    expect(await answerTo(verifier, stale)).toBe('token_stale');
    expect(await answerTo(verifier, token({ sub, ver: 2 }))).toBe('accepted');
  });

  it('as good no more is a key, also if the next list comes from an instance that is a moment behind', async () => {
    const { options, token, say, key, other } = await startSaying();
    const both = { payload: { keys: [key.kid, other.kid] } };
    say(both);
    const verifier = await startVerifier(options);
    const shown = token({}, other);
    expect(await answerTo(verifier, shown)).toBe('accepted');
    say({});
    await timeUntil('invalid_token', verifier, shown);
    say(both);
    await expect.poll(verifier.lag).toBeGreaterThan(900);
    await expect.poll(verifier.lag).toBeLessThan(500);
    expect(await answerTo(verifier, shown)).toBe('invalid_token');
    expect(await answerTo(verifier, token())).toBe('accepted');
    // Nobody is behind for long: then it is a key that came back.
    expect(await timeUntil('accepted', verifier, shown)).toBeLessThan(5_000);
  });

  it('by epoch ends the sessions of a user but the kept one, and none of their keys', async () => {
    const { options, token, hash, say } = await startSaying();
    const [sub, kept, until] = [randomUUID(), randomUUID(), now() + 900];
    const verifier = await startVerifier(options);
    const old = token({ sub, epoch: 0 });
    expect(await answerTo(verifier, old)).toBe('accepted');
    say({ payload: { epochs: { [hash(sub)]: [1, until, hash(kept)] } } });
    await timeUntil('session_revoked', verifier, old);
    expect(await answerTo(verifier, token({ sub }))).toBe('session_revoked');
    expect(await answerTo(verifier, token({ sub, epoch: 0, sid: kept }))).toBe('accepted');
    expect(await answerTo(verifier, token({ sub, epoch: 1 }))).toBe('accepted');
    expect(await answerTo(verifier, token({ sub, client_id: sub, scope: 'a:b' }))).toBe('accepted');
    // The next ending spares nobody.
    say({ payload: { epochs: { [hash(sub)]: [2, until] } } });
    await timeUntil('session_revoked', verifier, token({ sub, epoch: 0, sid: kept }));
  });
});
