import { createRemoteJWKSet, jwtVerify } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { writeApiKey } from '../../src/api-keys/format.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { commitChange } from '../../src/sessions/end.js';
import { endApiKeys } from '../../src/sessions/end-api-keys.js';
import { insertApiKey } from '../support/api-keys.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import { limitsOn } from '../support/limits.js';
import { expectOAuthError, expectProblem } from '../support/problem.js';
import { basic, bearer, type Client, getToken, post, serviceClient } from './clients.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const reader = () => serviceClient(app, ['user', 'editor'], ['todos:read', 'todos:write']);
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const endKey = (on: TestApp, { id }: Pick<Client, 'id'>) =>
  commitChange(on.deps, (tx) => endApiKeys(tx, Prisma.sql`id = ${id}::uuid`, {}));

describe('A key and its owner’s id get an access token', () => {
  it('by the header or by the body (RFC 6749 §2.3.1), which is not kept by caches (§5.1)', async () => {
    const client = await reader();
    const body = { grant_type: 'client_credentials', client_id: client.userId, client_secret: client.key };
    for (const answer of [await getToken(app, client), await post(app, '/oauth/token', body)]) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^eyJ/),
        token_type: 'Bearer',
        expires_in: app.config.tokens.accessTtl,
        scope: 'todos:read todos:write',
      });
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });

  it('that opens what its scope says, here and for a service that checks it by the JWKS (RFC 9068)', async () => {
    const client = await reader();
    const { body } = await getToken(app, client, { scope: 'todos:read' }).expect(200);
    await app.http.get('/todos').set(bearer(body.access_token)).expect(200);
    const headers = { ...bearer(body.access_token), 'Content-Type': 'application/json' };
    const refused = await fetch(`${app.url}/todos`, { method: 'POST', headers, body: '{"title":"No"}' });
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'forbidden', scope: 'todos:write' }]);
    const { issuer, audience } = app.config.tokens;
    const keys = createRemoteJWKSet(new URL(`${app.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(body.access_token, keys, { issuer, audience, typ: 'at+jwt' });
    expect(payload).toEqual({
      iss: issuer,
      aud: audience,
      sub: client.userId,
      client_id: client.userId,
      sid: client.id,
      roles: ['user', 'editor'],
      ver: 0,
      scope: 'todos:read',
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(app.config.tokens.accessTtl);
  });

  it('also where the owner is a person, and never more than the owner has now', async () => {
    const user = await app.signUp();
    const { key } = await insertApiKey(app, user.userId, ['todos:read', 'users:read']);
    expect((await getToken(app, { ...user, key })).body.scope).toBe('todos:read');
    await changeUser(app.deps, user.userId, { roles: ['admin'] }, {}, 'all');
    expect((await getToken(app, { ...user, key })).body.scope).toBe('todos:read users:read');
  });

  it('but not where the owner has lost all that the key was made for', async () => {
    const client = await reader();
    await changeUser(app.deps, client.userId, { roles: [] }, {}, 'all');
    expectOAuthError(await getToken(app, client), 400, 'invalid_scope');
  });

  it('that ends with the key, if that is sooner', async () => {
    const client = await serviceClient(app, ['user'], ['todos:read'], { expiresAt: new Date(Date.now() + 60_000) });
    const { body } = await getToken(app, client).expect(200);
    expect(body.expires_in).toBeGreaterThan(50);
    expect(body.expires_in).toBeLessThanOrEqual(60);
    expect(claimsOf(body.access_token).exp * 1000).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('that is refused at once after the key was ended, and remembered as long as the token would be good', async () => {
    const client = await reader();
    const { body } = await getToken(app, client).expect(200);
    await endKey(app, client);
    expectProblem(await app.http.get('/todos').set(bearer(body.access_token)), 'session_revoked');
    const { keepUntil } = await app.deps.db.revocation.findFirstOrThrow({ where: { sessionId: client.id } });
    expect(keepUntil.getTime()).toBeGreaterThanOrEqual(claimsOf(body.access_token).exp * 1000);
  });

  it('in one statement, and notes that the key was used', async () => {
    const client = await reader();
    await app.deps.apiKeys.uses.write();
    app.statements.length = 0;
    await getToken(app, client).expect(200);
    expect(app.statements).toHaveLength(1);
    await app.deps.apiKeys.uses.write();
    expect((await app.deps.db.apiKey.findUniqueOrThrow({ where: { id: client.id } })).lastUsedAt).not.toBeNull();
  });

  it('without any refresh token, session or cookie', async () => {
    const client = await reader();
    const { body } = await getToken(app, client).set('Cookie', 'access_token=x; access_token=y').expect(200);
    expect(body.refresh_token).toBeUndefined();
    expect(await app.deps.db.session.count({ where: { userId: client.userId } })).toBe(0);
  });
});

describe('Whatever is wrong with a client, it gets one answer (RFC 6749 §5.2)', () => {
  type Made = { userId: string; key: string };
  const cases: [what: string, make: () => Promise<Made>][] = [
    ['an unknown client', async () => ({ ...(await reader()), userId: uuidv7() })],
    ['a client_id that is none', async () => ({ ...(await reader()), userId: 'me' })],
    ['a key of somebody else', async () => ({ ...(await reader()), userId: (await reader()).userId })],
    ['a key that is none', async () => ({ ...(await reader()), key: 'secret' })],
    ['a wrong checksum', async () => ({ ...(await reader()), key: `${(await reader()).key.slice(0, -1)}-` })],
    ['an unknown key', async () => ({ ...(await reader()), key: writeApiKey('glk', uuidv7()).key })],
    [
      'another secret of the same key',
      async () => {
        const client = await reader();
        return { ...client, key: writeApiKey('glk', client.id).key };
      },
    ],
    [
      'a revoked key',
      async () => {
        const client = await reader();
        await getToken(app, client).expect(200);
        await endKey(app, client);
        return client;
      },
    ],
    ['an expired key', () => serviceClient(app, ['user'], ['todos:read'], { expiresAt: new Date(Date.now() - 1_000) })],
    [
      'a disabled owner',
      async () => {
        const client = await reader();
        await changeUser(app.deps, client.userId, { disabled: true }, {}, 'all');
        return client;
      },
    ],
    [
      'a deleted owner',
      async () => {
        const client = await reader();
        await deleteUser(app.deps, client.userId, {}, 'all');
        return client;
      },
    ],
  ];

  it.each(cases)('%s', async (_, make) => {
    const client = await make();
    const answer = await getToken(app, client);
    expectOAuthError(answer, 401, 'invalid_client');
    expect(answer.body.error_description).toBe('The client or its secret is wrong.');
    expect(answer.headers['www-authenticate']).toBe('Basic realm="gatelatch"');
    const inBody = { grant_type: 'client_credentials', client_id: client.userId, client_secret: client.key };
    const again = await post(app, '/oauth/token', inBody);
    expectOAuthError(again, 401, 'invalid_client');
    expect(again.body.error_description).toBe(answer.body.error_description);
  });

  it.each(['Basic', 'Basic !', 'Basic YQ==', `Basic ${Buffer.from('%zz:b').toString('base64')}`, 'Bearer x', ''])(
    'a header `%s`',
    async (header) => {
      const asked = post(app, '/oauth/token', { grant_type: 'client_credentials' });
      expectOAuthError(await (header ? asked.set('Authorization', header) : asked), 401, 'invalid_client');
    },
  );

  it('no client, where the server takes no keys', async () => {
    const off = await startAppForTest({ API_KEYS: 'off' });
    const client = await serviceClient(off, ['user'], ['todos:read']);
    expectOAuthError(await getToken(off, client), 401, 'invalid_client');
  });

  it('and where it takes none any more, a token from before is not good either', async () => {
    const database = await lendDatabase();
    const on = await startApp({}, { database });
    const { body } = await getToken(on, await serviceClient(on, ['user'], ['todos:read'])).expect(200);
    await on.http.get('/welcome').set(bearer(body.access_token)).expect(200);
    await on.stop();
    const off = await startApp({ API_KEYS: 'off' }, { database });
    try {
      expectProblem(await off.http.get('/welcome').set(bearer(body.access_token)), 'invalid_token');
    } finally {
      await off.stop();
      await database.drop();
    }
  });
});

describe('A request for a token is refused', () => {
  const cases: [what: string, fields: Record<string, string | string[]>, error: string][] = [
    ['without a grant', {}, 'invalid_request'],
    ['with a grant that has no value (RFC 6749 §3.2)', { grant_type: '' }, 'invalid_request'],
    [
      'with the grant of passwords (RFC 9700 §2.4)',
      { grant_type: 'password', username: 'a' },
      'unsupported_grant_type',
    ],
    ['with the grant of refresh tokens', { grant_type: 'refresh_token' }, 'unsupported_grant_type'],
    ['with a parameter twice', { grant_type: ['client_credentials', 'client_credentials'] }, 'invalid_request'],
    ['with a scope that the key lacks', { grant_type: 'client_credentials', scope: 'users:read' }, 'invalid_scope'],
    ['with a scope that nobody has', { grant_type: 'client_credentials', scope: 'todos:read a' }, 'invalid_scope'],
    ['with a scope of spaces', { grant_type: 'client_credentials', scope: '  ' }, 'invalid_scope'],
    ['for another resource (RFC 8707)', { grant_type: 'client_credentials', resource: 'https://x' }, 'invalid_target'],
    ['for another audience', { grant_type: 'client_credentials', audience: 'x' }, 'invalid_target'],
    ['with both ways of a client', { grant_type: 'client_credentials', client_secret: 'x' }, 'invalid_request'],
    ['with another client in the body', { grant_type: 'client_credentials', client_id: 'x' }, 'invalid_request'],
  ];

  it.each(cases)('%s', async (_, fields, error) => {
    const client = await reader();
    expectOAuthError(await post(app, '/oauth/token', fields).set(basic(client)), 400, error as 'invalid_request');
  });

  it('but not for unknown parameters, or a resource that is this server’s audience', async () => {
    const client = await reader();
    const { audience } = app.config.tokens;
    await getToken(app, client, { resource: audience, audience, unknown: 'x', client_id: client.userId }).expect(200);
  });

  it('as JSON, with 415 in OAuth’s form; by another method, as everywhere', async () => {
    const sent = await app.http.post('/oauth/token').send({ grant_type: 'client_credentials' });
    expectOAuthError(sent, 415, 'invalid_request');
    expectProblem(await app.http.get('/oauth/token'), 'method_not_allowed');
    expectProblem(await app.http.post('/oauth/tokens'), 'not_found');
  });

  it('with 503 and a time to try again, where the database is away', async () => {
    const away = await startApp();
    const client = await serviceClient(away, ['user'], ['todos:read']);
    await away.deps.database.close();
    expectOAuthError(await getToken(away, client), 503, 'temporarily_unavailable');
    await away.stop();
  });
});

describe('Refused clients are counted by their address', () => {
  it('and past the limit a key that the instance knows still gets its token', async () => {
    const limited = await startAppForTest({ ...limitsOn, RATE_LIMIT_API_KEY: '3/5m' });
    const [known, unknown] = [
      await serviceClient(limited, ['user'], ['todos:read']),
      await serviceClient(limited, ['user'], ['todos:read']),
    ];
    await getToken(limited, known).expect(200);
    const wrong = { ...known, key: writeApiKey('glk', uuidv7()).key };
    for (let time = 0; time < 3; time++) expectOAuthError(await getToken(limited, wrong), 401, 'invalid_client');
    limited.statements.length = 0;
    expectOAuthError(await getToken(limited, wrong), 429, 'temporarily_unavailable');
    expectOAuthError(await getToken(limited, unknown), 429, 'temporarily_unavailable');
    expectOAuthError(await getToken(limited, { ...known, key: 'guess' }), 429, 'temporarily_unavailable');
    expect(limited.statements.filter((sql) => /api_key/.test(sql))).toEqual([]);
    await getToken(limited, known).expect(200);
    await getToken(limited, unknown).set('X-Forwarded-For', '192.0.2.200').expect(200);
  });

  it('and the general limit speaks OAuth here too', async () => {
    const limited = await startAppForTest({ ...limitsOn, RATE_LIMIT_GENERAL: '2/1m' });
    const client = await serviceClient(limited, ['user'], ['todos:read']);
    for (let time = 0; time < 2; time++) await getToken(limited, client).expect(200);
    expectOAuthError(await getToken(limited, client), 429, 'temporarily_unavailable');
  });
});
