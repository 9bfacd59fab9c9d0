import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeApiKey } from '../../src/api-keys/format.js';
import { altered } from '../support/altered.js';
import { insertApiKey } from '../support/api-keys.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { limitsOn } from '../support/limits.js';
import { expectOAuthError, expectProblem } from '../support/problem.js';
import { bearer, getToken, post } from './clients.js';

let app: TestApp;
let user: SignedUp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());
beforeEach(async () => {
  user = await app.signUp();
});

const revoke = (token: string, on = app) => post(on, '/oauth/revoke', { token });
const welcome = (token: string) => app.http.get('/welcome').set(bearer(token));
const refresh = (token: string) => app.http.post('/auth/refresh').send({ refresh_token: token });

async function expectDone(token: string, on = app): Promise<void> {
  const { status, text, headers } = await revoke(token, on);
  expect([status, text, headers['content-type']]).toEqual([200, '', undefined]);
  expect(headers['cache-control']).toBe('no-store');
}

async function expectEnded({ accessToken, refreshToken, sessionId }: SignedUp): Promise<void> {
  expectProblem(await welcome(accessToken), 'session_revoked');
  expectProblem(await refresh(refreshToken), 'session_revoked');
  const { endReason } = await app.deps.db.session.findUniqueOrThrow({ where: { id: sessionId } });
  expect(endReason).toBe('revoked');
}

const eventsOf = (userId: string, action: string) =>
  app.deps.db.auditEvent.findMany({ where: { userId, action }, select: { detail: true, actorId: true } });

describe('Who holds a token ends what it belongs to (RFC 7009 §2.1)', () => {
  it('an access token its session, and no other', async () => {
    const { body: other } = await app.http
      .post('/auth/login')
      .send({ username: user.username, password: user.password });
    await expectDone(user.accessToken);
    await expectEnded(user);
    await welcome(other.access_token).expect(200);
    expect(await eventsOf(user.userId, 'session.ended')).toEqual([
      { actorId: user.userId, detail: { reason: 'revoked', sessions: [user.sessionId] } },
    ]);
  });

  it('also one that has expired, while its session goes on', async () => {
    const { own, header, claims } = createForger(app, user);
    const now = Math.floor(Date.now() / 1000);
    await expectDone(own(header, { ...claims, iat: now - 1_000, exp: now - 100 }));
    await expectEnded(user);
  });

  it('a refresh token its session', async () => {
    await expectDone(user.refreshToken);
    await expectEnded(user);
  });

  it('also one that was replaced long ago, which is no theft', async () => {
    const { body } = await refresh(user.refreshToken);
    await refresh(body.refresh_token);
    await app.deps.db
      .$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '1 hour' WHERE id = ${user.sessionId}::uuid`;
    await expectDone(user.refreshToken);
    await expectEnded(user);
    expect(await eventsOf(user.userId, 'refresh.reused')).toEqual([]);
  });

  it('a key itself and what was made from it, and no session', async () => {
    const { id, key } = await insertApiKey(app, user.userId, ['todos:read']);
    const { body } = await getToken(app, { ...user, key });
    await app.http.get('/todos').set(bearer(key)).expect(200);
    await expectDone(key);
    expectProblem(await app.http.get('/todos').set(bearer(key)), 'api_key_revoked');
    expectProblem(await app.http.get('/todos').set(bearer(body.access_token)), 'session_revoked');
    expectOAuthError(await getToken(app, { ...user, key }), 401, 'invalid_client');
    await welcome(user.accessToken).expect(200);
    expect(await eventsOf(user.userId, 'api_key.revoked')).toEqual([
      { actorId: user.userId, detail: { api_key_id: id } },
    ]);
  });

  it('a token that was made from a key that key', async () => {
    const { key } = await insertApiKey(app, user.userId, ['todos:read']);
    const { body } = await getToken(app, { ...user, key });
    await expectDone(body.access_token);
    expectProblem(await app.http.get('/todos').set(bearer(key)), 'api_key_revoked');
  });

  it('whatever the hint says, and whatever client or cookie comes with it', async () => {
    const asked = post(app, '/oauth/revoke', { token: user.refreshToken, token_type_hint: 'access_token' });
    await asked.set('Cookie', 'access_token=x').set('Authorization', 'Basic eDp5').expect(200);
    await expectEnded(user);
  });
});

describe('A revocation never tells whether the token was known (RFC 7009 §2.2)', () => {
  const cases: [what: string, make: () => string | Promise<string>][] = [
    ['garbage', () => 'x'],
    ['a forged access token', () => `${user.accessToken.slice(0, -6)}AAAAAA`],
    ['a forged refresh token', () => altered(user.refreshToken)],
    ['a device token', () => user.deviceToken],
    ['an unknown key', () => writeApiKey('glk', user.userId).key],
    [
      'another secret of a key',
      async () => writeApiKey('glk', (await insertApiKey(app, user.userId, ['todos:read'])).id).key,
    ],
    ['a key with a wrong checksum', async () => altered((await insertApiKey(app, user.userId, ['todos:read'])).key)],
  ];

  it.each(cases)('%s is answered like a good one, and ends nothing', async (_, make) => {
    const token = await make();
    const names = ({ headers }: { headers: object }) => Object.keys(headers).sort();
    const known = await revoke((await app.signUp()).accessToken);
    const unknown = await revoke(token);
    expect([unknown.status, unknown.text, names(unknown)]).toEqual([200, '', names(known)]);
    await welcome(user.accessToken).expect(200);
    expect(await app.deps.db.apiKey.count({ where: { userId: user.userId, revokedAt: { not: null } } })).toBe(0);
  });

  it('one that has ended is answered the same, however often, and is recorded once', async () => {
    const { key } = await insertApiKey(app, user.userId, ['todos:read']);
    for (const token of [user.accessToken, user.refreshToken, key]) for (let n = 0; n < 3; n++) await expectDone(token);
    expect(await eventsOf(user.userId, 'session.ended')).toHaveLength(1);
    expect(await eventsOf(user.userId, 'api_key.revoked')).toHaveLength(1);
  });

  it('nor do the headers of its limit', async () => {
    const limited = await startAppForTest(limitsOn);
    const limitHeaders = async (token: string) => {
      const { headers } = await revoke(token, limited).expect(200);
      return [headers['ratelimit-policy'], headers.ratelimit];
    };
    const unknown = writeApiKey('glk', user.userId).key;
    for (const token of ['x', unknown, (await limited.signUp()).accessToken])
      expect(await limitHeaders(token)).toEqual(['"revoke";q=60;w=300', undefined]);
  });
});

describe('A revocation is refused', () => {
  it('without a token, with a token twice, and as JSON', async () => {
    expectOAuthError(await post(app, '/oauth/revoke', {}), 400, 'invalid_request');
    expectOAuthError(await post(app, '/oauth/revoke', { token: ['a', 'b'] }), 400, 'invalid_request');
    expectOAuthError(await app.http.post('/oauth/revoke').send({ token: 'a' }), 415, 'invalid_request');
  });

  it('with 503 and a time to try again where it could not be done', async () => {
    const away = await startApp();
    const person = await away.signUp();
    const { key } = await insertApiKey(away, person.userId, ['todos:read']);
    await away.deps.database.close();
    for (const token of [person.accessToken, person.refreshToken, key])
      expectOAuthError(await revoke(token, away), 503, 'temporarily_unavailable');
    await away.stop();
  });

  it('past the limit of unknown tokens, by address; tokens of sessions still end', async () => {
    const limited = await startAppForTest({ ...limitsOn, RATE_LIMIT_REVOKE: '2/5m' });
    const person = await limited.signUp();
    const { key } = await insertApiKey(limited, person.userId, ['todos:read']);
    const unknown = writeApiKey('glk', person.userId).key;
    await expectDone('x', limited);
    await expectDone(unknown, limited);
    limited.statements.length = 0;
    for (const token of ['x', unknown, key])
      expectOAuthError(await revoke(token, limited), 429, 'temporarily_unavailable');
    expect(limited.statements.filter((sql) => /api_key/.test(sql))).toEqual([]);
    await expectDone(person.accessToken, limited);
    expectProblem(await limited.http.get('/welcome').set(person.bearer), 'session_revoked');
    await revoke(key, limited).set('X-Forwarded-For', '192.0.2.250').expect(200);
  });
});
