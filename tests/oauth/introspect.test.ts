import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { writeApiKey } from '../../src/api-keys/format.js';
import { insertApiKey } from '../support/api-keys.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { limitsOn } from '../support/limits.js';
import { mailTo } from '../support/mails.js';
import { expectOAuthError } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { basic, bearer, type Client, getToken, post, serviceClient } from './clients.js';

let app: TestApp;
let asker: Client;
let user: SignedUp;
beforeAll(async () => {
  app = await startApp({ METRICS: 'on' });
  asker = await serviceClient(app, ['admin'], ['tokens:introspect']);
});
afterAll(() => app.stop());
beforeEach(async () => {
  user = await app.signUp();
});

const introspect = (token: string, as: Record<string, string> = bearer(asker.key), on = app) =>
  post(on, '/oauth/introspect', { token }).set(as);

async function expectInactive(token: string, on = app, as?: Record<string, string>): Promise<void> {
  const { status, body } = await introspect(token, as, on);
  expect([status, body]).toEqual([200, { active: false }]);
}

describe('Introspection tells (RFC 7662 §2.2)', () => {
  it('what a session’s access token may', async () => {
    const { status, body, headers } = await introspect(user.accessToken);
    const { issuer, audience } = app.config.tokens;
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      active: true,
      iss: issuer,
      aud: audience,
      sub: user.userId,
      client_id: audience,
      sid: user.sessionId,
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: expect.any(Number),
      scope: 'profile:read todos:read todos:write',
      roles: [],
      ver: 0,
      token_type: 'Bearer',
      kind: 'session',
    });
  });

  it('what an API key may, and what an access token that was made from it may', async () => {
    const client = await serviceClient(app, ['user'], ['todos:read', 'users:read']);
    const ofKey = {
      sub: client.userId,
      client_id: client.userId,
      sid: client.id,
      kind: 'api_key',
      scope: 'todos:read',
    };
    const { body: asKey } = await introspect(client.key);
    expect(asKey).toMatchObject({ active: true, ...ofKey, jti: client.id, token_type: 'Bearer', roles: ['user'] });
    expect(asKey).not.toHaveProperty('exp');
    const expiresAt = new Date(Date.now() + 3_600_000);
    const ending = await insertApiKey(app, client.userId, ['todos:read'], { expiresAt });
    expect((await introspect(ending.key)).body.exp).toBe(Math.floor(expiresAt.getTime() / 1000));
    const { body } = await getToken(app, client);
    expect((await introspect(body.access_token)).body).toMatchObject({ active: true, ...ofKey });
  });

  it('the username only to who may read users', async () => {
    expect((await introspect(user.accessToken)).body).not.toHaveProperty('username');
    const admin = await withRole(app, await app.signUp(), 'admin');
    const { body } = await introspect(user.accessToken, admin.bearer);
    expect(body).toMatchObject({ active: true, username: user.username });
    const { key } = await insertApiKey(app, admin.userId, ['tokens:introspect', 'users:read']);
    expect((await introspect(user.accessToken, bearer(key))).body.username).toBe(user.username);
  });

  it('everybody who may ask: a session, a key, a token from a key, and a client by Basic (§2.1)', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const { body } = await getToken(app, asker);
    for (const as of [admin.bearer, bearer(asker.key), bearer(body.access_token), basic(asker)])
      expect((await introspect(user.accessToken, as)).body.active).toBe(true);
  });

  it('of an access token in no statement; of a key in one the first time, and then in none', async () => {
    const { key } = await insertApiKey(app, user.userId, ['todos:read']);
    await introspect(user.accessToken);
    const counted = async (token: string) => {
      app.statements.length = 0;
      expect((await introspect(token)).body.active).toBe(true);
      return app.statements.length;
    };
    expect(await counted(user.accessToken)).toBe(0);
    expect([await counted(key), await counted(key)]).toEqual([1, 0]);
  });
});

describe('Introspection says that a token is not active, and no more, where it is', () => {
  const forged = (change: (claims: Record<string, unknown>) => object) => {
    const { own, header, claims } = createForger(app, user);
    return own(header, change(claims));
  };
  const now = () => Math.floor(Date.now() / 1000);

  const cases: [what: string, make: () => string | Promise<string>][] = [
    ['garbage', () => 'x'],
    ['a refresh token (RFC 9700 §4.14)', () => user.refreshToken],
    ['a device token', () => user.deviceToken],
    ['expired', () => forged((claims) => ({ ...claims, iat: now() - 901, exp: now() - 1 }))],
    ['for another audience', () => forged((claims) => ({ ...claims, aud: 'x', client_id: 'x' }))],
    ['of another issuer', () => forged((claims) => ({ ...claims, iss: 'http://evil.example' }))],
    [
      'of another type (RFC 9068 §4)',
      () => {
        const { own, header, claims } = createForger(app, user);
        return own({ ...header, typ: 'JWT' }, claims);
      },
    ],
    [
      'of a session that ended',
      async () => {
        await app.http.post('/auth/logout').set(user.bearer).expect(204);
        return user.accessToken;
      },
    ],
    [
      'stale',
      async () => {
        await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
        return user.accessToken;
      },
    ],
    [
      'of a disabled user',
      async () => {
        await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
        return user.accessToken;
      },
    ],
    [
      'a key of a disabled user',
      async () => {
        const { key } = await insertApiKey(app, user.userId, ['todos:read']);
        expect((await introspect(key)).body.active).toBe(true);
        await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
        return key;
      },
    ],
    [
      'an expired key',
      async () =>
        (await insertApiKey(app, user.userId, ['todos:read'], { expiresAt: new Date(Date.now() - 1_000) })).key,
    ],
    ['an unknown key', () => writeApiKey('glk', user.userId).key],
    [
      'a key that was revoked',
      async () => {
        const { key } = await insertApiKey(app, user.userId, ['todos:read']);
        expect((await introspect(key)).body.active).toBe(true);
        await post(app, '/oauth/revoke', { token: key }).expect(200);
        return key;
      },
    ],
    [
      'a mailed token',
      async () => {
        const email = `${user.username}@example.com`;
        await app.http.patch('/me').set(user.bearer).send({ email, password: user.password }).expect(200);
        return (await mailTo(app, email, /Confirm/)).token as string;
      },
    ],
  ];

  it.each(cases)('%s', async (_, make) => {
    await expectInactive(await make());
  });
});

describe('Introspection is refused', () => {
  it('without a token to ask by, with a plain challenge', async () => {
    const answer = await post(app, '/oauth/introspect', { token: user.accessToken });
    expectOAuthError(answer, 401, 'invalid_token');
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="gatelatch"');
  });

  it('with a cookie alone', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const cookie = { Cookie: `access_token=${admin.accessToken}` };
    expectOAuthError(await introspect(user.accessToken, cookie), 401, 'invalid_token');
  });

  it('to who lacks the permission, with the scope that it needs (RFC 6750 §3.1)', async () => {
    const { key } = await insertApiKey(app, user.userId, ['todos:read']);
    for (const as of [user.bearer, bearer(key), basic({ userId: user.userId, key })]) {
      const answer = await introspect(user.accessToken, as);
      expectOAuthError(answer, 403, 'insufficient_scope');
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer realm="gatelatch", error="insufficient_scope", .*scope="tokens:introspect"$/,
      );
    }
  });

  it('to a key or a token that is not good', async () => {
    const gone = await serviceClient(app, ['admin'], ['tokens:introspect']);
    const { body } = await getToken(app, gone);
    await changeUser(app.deps, gone.userId, { disabled: true }, {}, 'all');
    for (const token of [gone.key, body.access_token, 'x', writeApiKey('glk', user.userId).key]) {
      const answer = await introspect(user.accessToken, bearer(token));
      expectOAuthError(answer, 401, 'invalid_token');
      expect(answer.headers['www-authenticate']).toMatch(/error="invalid_token"/);
    }
    for (const client of [gone, { ...asker, userId: user.userId }, { ...asker, key: 'x' }])
      expectOAuthError(await introspect(user.accessToken, basic(client)), 401, 'invalid_client');
  });

  it('without a token to ask about', async () => {
    expectOAuthError(await post(app, '/oauth/introspect', {}).set(bearer(asker.key)), 400, 'invalid_request');
  });
});

describe('Introspection', () => {
  it('never says active while nobody can know: 503, with a time to try again', async () => {
    const away = await startApp();
    const own = await serviceClient(away, ['admin'], ['tokens:introspect']);
    const [person, admin] = [await away.signUp(), await withRole(away, await away.signUp(), 'admin')];
    const { key } = await insertApiKey(away, person.userId, ['todos:read']);
    for (const token of [person.accessToken, own.key])
      expect((await introspect(token, admin.bearer, away)).body.active).toBe(true);
    await away.deps.database.close();
    expectOAuthError(await introspect(key, bearer(own.key), away), 503, 'temporarily_unavailable');
    const stale = vi.spyOn(away.deps.instanceSync, 'isFresh').mockReturnValue(false);
    for (const as of [bearer(own.key), basic(own), admin.bearer])
      expectOAuthError(await introspect(person.accessToken, as, away), 503, 'temporarily_unavailable');
    stale.mockRestore();
    await away.stop();
  });

  it('counts what was not active by who asks, and still answers what is (§4)', async () => {
    const limited = await startAppForTest({ ...limitsOn, RATE_LIMIT_INTROSPECT: '2/1m' });
    const own = await serviceClient(limited, ['admin'], ['tokens:introspect']);
    const other = await serviceClient(limited, ['admin'], ['tokens:introspect']);
    const person = await limited.signUp();
    for (let time = 0; time < 2; time++) await expectInactive('x', limited, bearer(own.key));
    expectOAuthError(await introspect('x', bearer(own.key), limited), 429, 'temporarily_unavailable');
    expect((await introspect(person.accessToken, bearer(own.key), limited)).body.active).toBe(true);
    await expectInactive('x', limited, bearer(other.key));
  });

  it('is counted in the metrics', async () => {
    const metric = async (active: boolean) => {
      const { text } = await app.http.get('/metrics');
      return Number(new RegExp(`^gatelatch_introspections_total\\{active="${active}"\\} (\\d+)`, 'm').exec(text)?.[1]);
    };
    await expectInactive('x');
    await introspect(user.accessToken);
    const [good, bad] = [await metric(true), await metric(false)];
    await introspect(user.accessToken);
    await expectInactive('x');
    expect([await metric(true), await metric(false)]).toEqual([good + 1, bad + 1]);
  });
});
