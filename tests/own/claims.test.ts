import jwt from 'jsonwebtoken';
import type { Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { changeUser } from '../../src/admin/user-changes.js';
import { endpoint, GET } from '../../src/endpoint.js';
import { accessToken } from '../../src/guards.js';
import { roles } from '../../src/permissions/permissions.js';
import type { PlainUser } from '../../src/users/plain-user.js';
import { bearer, getToken, post, serviceClient } from '../oauth/clients.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';
import { addPasskey, signInWith } from '../support/passkeys.js';
import { goRound } from '../support/pretended-providers/go-round.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { withRole } from '../support/rows.js';
import { serveRows } from '../support/rows-app.js';
import { addTotp, codeOf } from '../support/second-factor.js';
import { startFrontForTest } from '../verify/support/front.js';
import { answerTo, startVerifier } from '../verify/support/verifiers.js';

const claims = ({ username, kind, roles }: PlainUser) => ({
  team: `team of ${username}`,
  'https://example.com/plan': { kind, seats: roles.length },
});
const ofUser = (username: string, kind = 'person', seats = 0) => ({
  team: `team of ${username}`,
  'https://example.com/plan': { kind, seats },
});

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider();
  app = await startApp(corp.settings, { own: { claims } });
});
afterAll(async () => {
  await app.stop();
  await corp.server.goAway();
});

const claimsOf = (token: string) => jwt.decode(token) as jwt.JwtPayload;
const bodyToken = ({ status, body }: Response) => {
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  return claimsOf(body.access_token);
};
const cookieToken = (answer: Response) => claimsOf(cookiesOf(answer).access_token?.value ?? '');
const origin = 'http://localhost:3000';
const logIn = ({ username }: Pick<SignedUp, 'username'>, more: object = {}) =>
  app.http
    .post('/auth/login')
    .set('Origin', origin)
    .send({ username, password: goodPassword, ...more });

/** A row that tells what a handler gets of the claims. */
const echo = GET(
  '/own-claims',
  { guard: accessToken, anyToken: true },
  endpoint({
    name: 'ownClaims',
    summary: 'The own claims',
    reply: [200, z.looseObject({})],
    handler: ({ principal: { own } }) => ({ body: { ...own } }),
  }),
);

describe('Own claims are in the access token', () => {
  it('of a sign-up, a login and a refresh, in the body and in a cookie', async () => {
    const user = await app.signUp();
    expect(claimsOf(user.accessToken)).toMatchObject(ofUser(user.username));
    const inBody = await logIn(user);
    expect(bodyToken(inBody)).toMatchObject(ofUser(user.username));
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: inBody.body.refresh_token });
    expect(bodyToken(refreshed)).toMatchObject(ofUser(user.username));
    const inCookie = await logIn(user, { transport: 'cookie' });
    expect(cookieToken(inCookie)).toMatchObject(ofUser(user.username));
    const again = await app.http
      .post('/auth/refresh')
      .set({ Origin: origin, Cookie: cookieHeader(cookiesOf(inCookie)) });
    expect(cookieToken(again)).toMatchObject(ofUser(user.username));
  });

  it('of a passkey, of a provider, and after a second factor', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    expect(bodyToken(await signInWith(app, authenticator))).toMatchObject(ofUser(user.username));
    const [made, known] = [await goRound(app, corp), await goRound(app, corp)];
    for (const answer of [made, known]) expect(bodyToken(answer)).toMatchObject(ofUser(answer.body.user.username));
    const careful = await app.signUp();
    const { secret } = await addTotp(app, careful);
    expect(bodyToken(await logIn(careful, { code: codeOf(secret) }))).toMatchObject(ofUser(careful.username));
    const { body } = await logIn(careful).expect(403);
    const second = { login_token: body.login_token, code: codeOf(secret, 1) };
    expect(bodyToken(await app.http.post('/auth/login/second-factor').send(second))).toMatchObject(
      ofUser(careful.username),
    );
  });

  it('after a step-up, and after a new password in a session with cookies', async () => {
    const user = await app.signUp();
    const stepUp = app.http.post('/auth/reauthenticate').set(user.bearer).send({ password: goodPassword });
    expect(bodyToken(await stepUp)).toMatchObject(ofUser(user.username));
    const cookies = cookieHeader(cookiesOf(await logIn(user, { transport: 'cookie' })));
    const change = { current_password: goodPassword, new_password: 'the second battery staple of many' };
    const changed = await app.http
      .post('/me/password')
      .set({ Origin: origin, Cookie: cookies })
      .send(change)
      .expect(204);
    expect(cookieToken(changed)).toMatchObject(ofUser(user.username));
  });

  it('that was made from an API key, and the key itself opens rows with them: those of its owner', async () => {
    const client = await serviceClient(app, ['editor', 'user'], ['todos:read']);
    const own = ofUser(client.username, 'service', 2);
    const { body } = await getToken(app, client).expect(200);
    expect(claimsOf(body.access_token)).toMatchObject(own);
    const http = await serveRows(app, [echo]);
    for (const token of [body.access_token, client.key])
      expect((await http.get('/own-claims').set(bearer(token))).body).toEqual(own);
  });

  it('as of when the token was made: after a change of roles they are new', async () => {
    const user = await app.signUp();
    await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect(bodyToken(refreshed)).toMatchObject(ofUser(user.username, 'person', 1));
  });
});

describe('Own claims reach', () => {
  it('a handler as principal.own, alone, by bearer and by cookie, also when the token is known already', async () => {
    const user = await app.signUp();
    const http = await serveRows(app, [echo]);
    const cookies = cookieHeader(cookiesOf(await logIn(user, { transport: 'cookie' })));
    for (const sent of [user.bearer, user.bearer, { Cookie: cookies }])
      expect((await http.get('/own-claims').set(sent)).body).toEqual(ofUser(user.username));
  });

  it('other services, by the token and by introspection', async () => {
    const front = await startFrontForTest(app);
    const { issuer, audience } = app.config.tokens;
    const asker = await serviceClient(app, ['admin'], ['tokens:introspect']);
    const verifier = await startVerifier({ issuer, audience, url: front.url, apiKey: asker.key });
    const client = await serviceClient(app, ['user'], ['todos:read']);
    const user = await app.signUp();
    expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
    expect(await verifier.verify(user.accessToken)).toMatchObject(ofUser(user.username));
    expect(await verifier.verify(client.key)).toMatchObject(ofUser(client.username, 'service', 1));
    const admin = await withRole(app, await app.signUp(), 'admin');
    const { body } = await post(app, '/oauth/introspect', { token: user.accessToken }).set(admin.bearer).expect(200);
    expect(body).toMatchObject({ active: true, sub: user.userId, username: user.username, ...ofUser(user.username) });
  });
});

function circle(): Record<string, unknown> {
  const round: Record<string, unknown> = {};
  round.round = round;
  return round;
}

describe('The start is refused, with a line for the operator, to own claims', () => {
  const taken = ['sub', 'exp', 'client_id', 'roles', 'act', 'cnf', 'email', 'sid', 'ver', 'permissions', 'username'];
  it.each(taken)('called %s', async (name) => {
    await expect(startApp({}, { own: { claims: () => ({ [name]: 'mine' }) } })).rejects.toMatchObject({
      name: 'StartError',
      message: `own/claims.ts gave the claim ${name}, which has a meaning already. Give it another name.`,
    });
  });

  it('of 513 bytes; 512 are taken', async () => {
    const withBytes = (bytes: number) => ({ own: { claims: () => ({ x: 'ü'.repeat((bytes - 8) / 2) }) } });
    await expect(startApp({}, withBytes(514))).rejects.toMatchObject({
      message: 'own/claims.ts gave 514 bytes of JSON. At most 512 fit into a token.',
    });
    await startAppForTest({}, withBytes(512));
  });

  it.each<[string, (user: PlainUser) => Record<string, unknown>]>([
    ['somebody without an address', ({ email }) => (email === null ? { x: 1n } : {})],
    ['somebody with roles', ({ roles }) => (roles.length > 0 ? { sub: 'mine' } : {})],
    ['a service user', ({ kind }) => (kind === 'service' ? { sub: 'mine' } : {})],
    ['everybody, as they wait for something', (async () => ({})) as never],
    ['everybody, as they are none', (() => undefined) as never],
    ['everybody, as they are a list', (() => ['x']) as never],
    ['everybody, as they say that they are a text', () => ({ toJSON: () => 'x' })],
    ['everybody, as they become other ones in the token', () => ({ toJSON: () => ({ sub: 'mine' }) })],
    ['everybody, as they would be a prototype', () => JSON.parse('{ "__proto__": { "sub": "mine" } }')],
    ['everybody, as they go in a circle', circle],
  ])('that fail for %s', async (_, make) => {
    await expect(startApp({}, { own: { claims: make } })).rejects.toMatchObject({ name: 'StartError' });
  });
});

describe('Own claims that go wrong late', () => {
  it('are a 500 for that user’s sign-in, with a clear error in the log, and no token', async () => {
    const odd = ({ username }: PlainUser) =>
      username === 'thief' ? { roles: ['admin'] } : { x: 'x'.repeat(username === 'large' ? 600 : 1) };
    const own = await startAppForTest({}, { own: { claims: odd } });
    for (const username of ['thief', 'large']) {
      const { status, body } = await own.http.post('/auth/signup').send({ username, password: goodPassword });
      expect([status, body.code, body.access_token]).toEqual([500, 'internal_error', undefined]);
    }
    const errors = own.logs.filter(({ msg }) => msg === 'request failed').map(({ err }) => (err as Error).message);
    expect(errors[0]).toMatch(/^own\/claims\.ts gave the claim roles/);
    expect(errors[1]).toMatch(/^own\/claims\.ts gave 608 bytes/);
    await own.signUp();
  });
});

describe('Own claims are what JSON makes of them', () => {
  const odd = () => ({ at: new Date(0), none: undefined, never: Number.NaN, list: [undefined], run: () => 'x' });
  const asJson = { at: '1970-01-01T00:00:00.000Z', never: null, list: [null] };

  it('the same for who shows a token and for who shows an API key', async () => {
    const own = await startAppForTest({}, { own: { claims: odd } });
    const http = await serveRows(own, [echo]);
    const client = await serviceClient(own, ['user'], ['todos:read']);
    const user = await own.signUp();
    for (const shown of [user.bearer, bearer(client.key)])
      expect((await http.get('/own-claims').set(shown)).body).toEqual(asJson);
  });

  it('and what the function changes in its user is changed nowhere else', async () => {
    const greedy = (user: PlainUser) => {
      (user.roles as string[]).push('admin');
      user.createdAt.setTime(0);
      return {};
    };
    const own = await startAppForTest({}, { own: { claims: greedy } });
    const user = await own.signUp();
    expect(claimsOf(user.accessToken).roles).toEqual([]);
    const { body } = await own.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    expect(claimsOf(body.access_token).roles).toEqual([]);
    expect(body.user?.created_at ?? '').not.toMatch(/^1970/);
  });
});

describe('The largest token', () => {
  it('fits into a cookie: with all roles and permissions, and 512 bytes of own claims', async () => {
    const own = await startAppForTest({ JWT_ALGORITHM: 'RS256' }, { own: { claims: () => ({ x: 'x'.repeat(504) }) } });
    const user = await own.signUp();
    await changeUser(own.deps, user.userId, { roles: roles.map(({ name }) => name) }, {}, 'all');
    const sent = { username: user.username, password: goodPassword, transport: 'cookie' };
    const answer = await own.http.post('/auth/login').set('Origin', origin).send(sent).expect(200);
    const lines = answer.headers['set-cookie'] as unknown as string[];
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(4_096);
    await own.http
      .get('/welcome')
      .set('Cookie', cookieHeader(cookiesOf(answer)))
      .expect(200);
  });

  it('stops the start where it does not', async () => {
    const issuer = `http://localhost:3000/${'long'.repeat(500)}`;
    await expect(startApp({ JWT_ISSUER: issuer })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(/an access token has \d{4} bytes; at most 3896 fit into a cookie/),
    });
  });
});
