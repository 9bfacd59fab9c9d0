import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { cookiesOf } from '../support/cookies.js';
import { startApple } from '../support/pretended-providers/apple.js';
import { type GitHub, startGitHub } from '../support/pretended-providers/github.js';
import {
  begin,
  carry,
  goAstray,
  goRound,
  redirectUri,
  sentTo,
  visit,
} from '../support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';

let [app, corp, apple, github] = [] as unknown as [TestApp, OpenIdProvider, OpenIdProvider, GitHub];
beforeAll(async () => {
  [corp, apple, github] = await Promise.all([startOpenIdProvider(), startApple(), startGitHub()]);
  app = await startApp({ ...settingsOf(corp, apple, github), PROVIDER_CORP_LABEL: 'Corp & Sons' });
});
afterAll(async () => {
  await app?.stop();
  for (const { server } of [corp, apple, github]) await server?.goAway();
});

const userOf = (id: string) => app.deps.db.user.findUniqueOrThrow({ where: { id } });
const identityOf = (userId: string) => app.deps.db.identity.findFirstOrThrow({ where: { userId } });

describe('The providers of a server', () => {
  it('are listed with their labels, in the order of the setting, and with nothing else', async () => {
    const { body } = await app.http.get('/auth/providers').expect(200);
    expect(body).toEqual({
      data: [
        { name: 'corp', label: 'Corp & Sons' },
        { name: 'apple', label: 'Apple' },
        { name: 'github', label: 'GitHub' },
      ],
    });
  });
});

describe('A sign-in by a provider', () => {
  it('makes a user the first time, and finds the same one ever after', async () => {
    corp.person = newPerson();
    const first = await goRound(app, corp);
    expect(first.status, first.text).toBe(201);
    expect(first.body).toMatchObject({
      token_type: 'Bearer',
      acr: 'aal1',
      amr: ['fed'],
      external: { provider: 'corp', email: corp.person.email, name: corp.person.name },
    });
    const claims = jwt.decode(first.body.access_token) as jwt.JwtPayload;
    expect(claims).toMatchObject({ sub: first.body.user.id, acr: 'aal1', amr: ['fed'] });
    await app.http.get('/welcome').set('Authorization', `Bearer ${first.body.access_token}`).expect(200);

    const again = await goRound(app, corp);
    expect(again.status).toBe(200);
    expect(again.body.user.id).toBe(first.body.user.id);
    expect(again.body.session_id).not.toBe(first.body.session_id);
    const refreshed = await app.http
      .post('/auth/refresh')
      .send({ refresh_token: again.body.refresh_token })
      .expect(200);
    expect(refreshed.body).toMatchObject({ acr: 'aal1', amr: ['fed'] });
    expect((await userOf(first.body.user.id)).passwordHash).toBeNull();
    const identity = await identityOf(first.body.user.id);
    expect(identity).toMatchObject({ provider: 'corp', issuer: corp.issuer, subject: corp.person.sub });
    expect(identity.lastUsedAt?.getTime()).toBeGreaterThan(identity.createdAt.getTime());
  });

  it('is in the audit log, with the provider and without who it is there', async () => {
    corp.person = newPerson();
    const { body } = await goRound(app, corp);
    await goRound(app, corp);
    const events = await app.deps.db.auditEvent.findMany({ where: { userId: body.user.id }, orderBy: { id: 'asc' } });
    const logins = events.filter(({ action }) => action === 'login.succeeded');
    expect(logins.at(-1)?.detail).toMatchObject({ provider: 'corp', amr: ['fed'], acr: 'aal1' });
    expect(JSON.stringify(events)).not.toContain(corp.person.sub);
    expect(JSON.stringify(events)).not.toContain('corp.example');
  });

  it('works with an issuer that signs by RS256, and answers by the form that Apple sends', async () => {
    apple.person = newPerson({ email_verified: 'true' });
    const { status, body } = await goRound(app, apple);
    expect([status, body.external]).toEqual([
      201,
      { provider: 'apple', email: apple.person.email, email_verified: true, name: apple.person.name },
    ]);
    expect((await userOf(body.user.id)).emailVerifiedAt).not.toBeNull();
    expect((await goRound(app, apple)).body.user.id).toBe(body.user.id);
    expect(await identityOf(body.user.id)).toMatchObject({ issuer: apple.issuer, subject: apple.person.sub });
  });

  it('keeps the name that Apple tells only once', async () => {
    apple.person = newPerson({ name: 'Mary Ann Evans', email_verified: true });
    const { body } = await goRound(app, apple);
    expect(body.external.name).toBe('Mary Ann Evans');
    apple.person = { ...apple.person, name: undefined };
    const again = await goRound(app, apple);
    expect(again.body.external.name ?? 'Mary Ann Evans').toBe('Mary Ann Evans');
    expect((await identityOf(body.user.id)).name).toBe('Mary Ann Evans');
  });

  it('knows people at GitHub by their number, not by their login name', async () => {
    github.person = { ...github.person, id: 7_000_001, login: 'mona', emails: [] };
    const { status, body } = await goRound(app, github);
    expect(status, JSON.stringify(body)).toBe(201);
    expect(await identityOf(body.user.id)).toMatchObject({ issuer: github.server.url, subject: '7000001' });
    github.person = { ...github.person, login: 'mona-renamed' };
    expect((await goRound(app, github)).body.user.id).toBe(body.user.id);
    github.person = { ...github.person, id: 7_000_002, login: 'mona' };
    const other = await goRound(app, github);
    expect([other.status, other.body.user.id === body.user.id]).toEqual([201, false]);
  });

  it('sends the browser back with a code, the client’s state and our issuer, and with no token', async () => {
    const flow = await begin(app, corp, { state: 'a state & more = 1' });
    const answer = await carry(app, await visit(app, corp, flow.url));
    expect(answer.status).toBe(303);
    const to = new URL(answer.headers.location ?? '');
    expect(to.origin + to.pathname).toBe(redirectUri);
    expect(Object.fromEntries(to.searchParams)).toEqual({
      code: expect.stringMatching(/^[\w-]{43}$/),
      state: 'a state & more = 1',
      iss: 'http://localhost:3000',
    });
    expect(to.hash).toBe('');
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  });

  it('sends no state back where the client gave none', async () => {
    const flow = await begin(app, corp, { state: undefined });
    const query = sentTo(await carry(app, await visit(app, corp, flow.url)));
    expect([...query.keys()].sort()).toEqual(['code', 'iss']);
  });

  it('tells the client where its user said no', async () => {
    corp.wrong = { answer: { code: undefined, error: 'access_denied', error_description: 'No & <b>never</b>' } };
    const query = await goAstray(app, corp, { state: 'mine' }).finally(() => {
      corp.wrong = {};
    });
    expect(Object.fromEntries(query)).toEqual({ error: 'access_denied', state: 'mine', iss: 'http://localhost:3000' });
  });

  it('sets and reads no cookie on its way', async () => {
    corp.person = newPerson();
    const { url } = await begin(app, corp);
    const { path, parameters } = await visit(app, corp, url);
    const answer = await app.http
      .get(`${path}?${new URLSearchParams(parameters)}`)
      .set({ Cookie: 'access_token=x; access_token=y; refresh_token=z', Origin: corp.issuer })
      .expect(303);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('gives its tokens as cookies if asked for, and not to another site', async () => {
    corp.person = newPerson();
    const flow = await begin(app, corp);
    const code = sentTo(await carry(app, await visit(app, corp, flow.url))).get('code');
    const proof = { code, code_verifier: flow.verifier, transport: 'cookie' };
    const post = (origin: string) => app.http.post('/auth/external/token').set('Origin', origin).send(proof);
    expectProblem(await post('https://evil.example'), 'csrf_rejected');
    const answer = await post(app.config.appUrl).expect(201);
    expect(Object.keys(cookiesOf(answer)).sort()).toEqual(['access_token', 'device', 'refresh_token']);
    expect(answer.body).not.toHaveProperty('access_token');
  });

  it('knows the device again by its device token', async () => {
    corp.person = newPerson();
    const { body } = await goRound(app, corp);
    const again = await goRound(app, corp, { token: { device_token: body.device_token } });
    expect(again.body.device_token).toBe(body.device_token);
  });
});

describe('The request to a provider', () => {
  const asked = async (fields: object = {}, headers: Record<string, string> = {}) => {
    const body = { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43), ...fields };
    const answer = await app.http.post('/auth/external').set(headers).send(body).expect(200);
    expect(answer.body.expires_in).toBe(600);
    return new URL(answer.body.url);
  };

  it('has state, nonce and challenge of its own, 256 bits each, and asks for as little as it needs', async () => {
    const [one, other] = [await asked(), await asked()];
    expect(one.origin + one.pathname).toBe(`${corp.issuer}/authorize`);
    const { state, nonce, code_challenge, ...rest } = Object.fromEntries(one.searchParams);
    expect(rest).toEqual({
      client_id: 'gatelatch-there',
      response_type: 'code',
      redirect_uri: 'http://localhost:3000/auth/callback/corp',
      scope: 'openid email profile',
      code_challenge_method: 'S256',
    });
    for (const value of [state, nonce, code_challenge]) expect(value).toMatch(/^[\w-]{43}$/);
    const all = [one, other].flatMap(({ searchParams }) =>
      ['state', 'nonce', 'code_challenge'].map((name) => searchParams.get(name)),
    );
    expect(new Set(all).size).toBe(6);
    expect(code_challenge).not.toBe('A'.repeat(43));
  });

  it('says which account, and asks for a new login there, if the client says so', async () => {
    const { searchParams } = await asked({ prompt: 'select_account', login_hint: 'ada@corp.example' });
    expect(Object.fromEntries(searchParams)).toMatchObject({
      prompt: 'select_account',
      login_hint: 'ada@corp.example',
    });
    expectProblem(
      await app.http
        .post('/auth/external')
        .send({ provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43), prompt: 'none' }),
      'validation_failed',
    );
  });

  it('is for our public URL, whatever the Host of the request', async () => {
    const { searchParams } = await asked({}, { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' });
    expect(searchParams.get('redirect_uri')).toBe('http://localhost:3000/auth/callback/corp');
  });

  it.each<[string, object]>([
    ['no challenge', { code_challenge: undefined }],
    ['a challenge that is none', { code_challenge: 'short' }],
    ['a challenge that is longer than SHA-256', { code_challenge: 'A'.repeat(44) }],
    ['another method than S256', { code_challenge: '+'.repeat(43) }],
    ['a state that is too long', { state: 'x'.repeat(513) }],
    ['a provider that there is not', { provider: 'google' }],
    ['a provider with the name of a member of objects', { provider: 'constructor' }],
    ['no redirect URI', { redirect_uri: undefined }],
  ])('is refused with %s', async (_, fields) => {
    const body = { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43), ...fields };
    expectProblem(await app.http.post('/auth/external').send(body), 'validation_failed');
  });
});
