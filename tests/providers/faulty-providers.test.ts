import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { startApple } from '../support/pretended-providers/apple.js';
import { random } from '../support/pretended-providers/codes.js';
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
import type { Trouble } from '../support/pretended-providers/loopback-server.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
  type Wrong,
} from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
let corp: OpenIdProvider;
let rsa: OpenIdProvider;
let apple: OpenIdProvider;
let github: GitHub;
beforeAll(async () => {
  [corp, rsa, apple, github] = await Promise.all([
    startOpenIdProvider(),
    startOpenIdProvider({ name: 'rsa', algorithm: 'RS256' }),
    startApple(),
    startGitHub(),
  ]);
  app = await startApp(settingsOf(corp, rsa, apple, github));
  for (const provider of [corp, rsa, apple, github]) expect((await goRound(app, provider)).status).toBe(201);
});
afterEach(() => {
  for (const provider of [corp, rsa, apple, github]) {
    provider.wrong = {};
    provider.server.trouble = {};
  }
});
afterAll(async () => {
  await app?.stop();
  for (const provider of [corp, rsa, apple, github]) await provider?.server.goAway();
});

const counts = async (at = app) => [
  await at.deps.db.user.count(),
  await at.deps.db.session.count(),
  await at.deps.db.identity.count(),
];

/** Expects that the way ends at the callback, that its client hears of it, and that nothing has begun. */
async function expectFailed(provider: OpenIdProvider | GitHub, at = app): Promise<void> {
  const before = await counts(at);
  const query = await goAstray(at, provider, { state: 'of the client' });
  const told = { error: 'external_login_failed', state: 'of the client', iss: 'http://localhost:3000' };
  expect(Object.fromEntries(query)).toEqual(told);
  expect(await counts(at)).toEqual(before);
}

const seconds = () => Math.floor(Date.now() / 1000);

describe('An ID token is refused', () => {
  const faults: Record<string, Wrong> = {
    'without a signature (alg none)': { signature: 'none' },
    'signed by another key under the issuer’s key ID': { signature: 'of a stranger' },
    'signed by a key that the issuer does not have': { signature: 'of an unknown key' },
    'signed with our client secret': { signature: 'by the client secret' },
    'signed with the public key as a secret': { signature: 'by the public key' },
    'for another audience': { claims: { aud: 'another-client' } },
    'for an audience that begins like us': { claims: { aud: 'gatelatch-there2' } },
    'for nobody': { claims: { aud: undefined } },
    'for no one in a list': { claims: { aud: [] } },
    'for several, without saying to whom it was given': { claims: { aud: ['gatelatch-there', 'another'] } },
    'given to another of several': { claims: { aud: ['gatelatch-there', 'another'], azp: 'another' } },
    'given to another': { claims: { azp: 'another' } },
    'of another issuer': { claims: { iss: 'https://evil.example' } },
    'of an issuer that differs by a slash': { claims: { iss: '{issuer}/' } },
    'of no issuer': { claims: { iss: undefined } },
    'that has expired': { claims: { exp: seconds() - 600, iat: seconds() - 1200 } },
    'that never expires': { claims: { exp: undefined } },
    'that expires in words': { claims: { exp: 'never' } },
    'without the time of issue': { claims: { iat: undefined } },
    'that is not good yet': { claims: { nbf: seconds() + 3600 } },
    'with another nonce': { claims: { nonce: random() } },
    'without a nonce': { claims: { nonce: undefined } },
    'without a subject': { claims: { sub: undefined } },
    'with an empty subject': { claims: { sub: '' } },
    'with a number as its subject': { claims: { sub: 42 } },
    'with a subject longer than 255 characters': { claims: { sub: 'x'.repeat(256) } },
    'with a NUL in its subject': { claims: { sub: 'ada\u0000' } },
    'that is missing': { idToken: false },
  };
  for (const kind of ['ES256', 'RS256'])
    it.each(Object.entries(faults))(`%s, from an issuer of ${kind}`, async (_, wrong) => {
      const provider = kind === 'ES256' ? corp : rsa;
      const isOwn = wrong.claims?.iss === '{issuer}/';
      provider.wrong = isOwn ? { ...wrong, claims: { iss: `${provider.issuer}/` } } : wrong;
      await expectFailed(provider);
    });

  it('with the nonce of another flow, also of an issuer that does not look at verifiers', async () => {
    apple.wrong = { pkce: false };
    const [mine, stolen] = [await begin(app, apple), await begin(app, apple)];
    const [answer, { parameters }] = [await visit(app, apple, mine.url), await visit(app, apple, stolen.url)];
    const before = await counts();
    const injected = { ...answer.parameters, code: parameters.code ?? '' };
    expect(sentTo(await carry(app, { ...answer, parameters: injected })).get('error')).toBe('external_login_failed');
    expect(await counts()).toEqual(before);
  });

  it('and a good one is taken, also with several audiences where it was given to us', async () => {
    for (const claims of [
      { aud: ['gatelatch-there', 'another'], azp: 'gatelatch-there' },
      { aud: ['gatelatch-there'] },
    ]) {
      corp.wrong = { claims };
      corp.person = newPerson();
      expect((await goRound(app, corp)).status).toBe(201);
    }
  });
});

describe('Where a provider says who it is (RFC 9207)', () => {
  it.each<[string, string | undefined]>([
    ['another', 'https://evil.example'],
    ['nobody, though it announced to', undefined],
    ['itself with a slash', '{issuer}/'],
    ['nothing', ''],
  ])('%s: the answer is refused before its code is sent anywhere', async (_, iss) => {
    corp.wrong = { answer: { iss: iss?.replace('{issuer}', corp.issuer) } };
    const asked = corp.server.asked.length;
    await expectFailed(corp);
    expect(corp.server.asked.slice(asked).map(({ path }) => path)).not.toContain('/token');
  });

  it('a wrong one is refused also from a provider that announced none', async () => {
    apple.wrong = { answer: { iss: 'https://evil.example' } };
    await expectFailed(apple);
  });
});

describe('A provider in trouble', () => {
  const troubles: Trouble[] = [
    'hangs',
    'begins an answer and hangs',
    'redirects',
    'answers 10 MB',
    'answers 500',
    'answers a page',
    'drops the connection',
  ];

  const paths = ['/.well-known/openid-configuration', '/token', '/jwks'];
  const body = (provider: string) => ({ provider, redirect_uri: redirectUri, code_challenge: 'A'.repeat(43) });

  it.each(troubles)('that %s costs its own sign-ins alone, in time, and only as long as it does', async (trouble) => {
    const names = ['discovering', 'giving', 'signing', 'well'];
    const providers = await Promise.all(names.map((name) => startOpenIdProvider({ name })));
    const [discovering, giving, signing, well] = providers as [
      OpenIdProvider,
      OpenIdProvider,
      OpenIdProvider,
      OpenIdProvider,
    ];
    onTestFinished(async () => void (await Promise.all(providers.map(({ server }) => server.goAway()))));
    const at = await startAppForTest(settingsOf(...providers, github));
    for (const [n, provider] of [discovering, giving, signing].entries())
      provider.server.trouble[paths[n] ?? ''] = trouble;
    github.server.trouble['/api/v3/user/emails'] = trouble;

    const start = performance.now();
    const [unavailable, ...failed] = await Promise.all([
      at.http.post('/auth/external').send(body('discovering')),
      ...[giving, signing, github].map((provider) => goAstray(at, provider, { state: 'mine' })),
    ]);
    expect(performance.now() - start).toBeLessThan(8_000);
    expectProblem(unavailable, 'provider_unavailable');
    const told = { error: 'external_login_failed', state: 'mine', iss: 'http://localhost:3000' };
    expect(failed.map((query) => Object.fromEntries(query))).toEqual([told, told, told]);
    expect(await counts(at)).toEqual([0, 0, 0]);
    expect((await goRound(at, well)).status).toBe(201);
    for (const { server } of [...providers, github]) {
      expect(server.asked.map(({ path }) => path)).not.toContainEqual(expect.stringMatching(/^\/moved/));
      server.trouble = {};
    }
    for (const provider of [discovering, giving, signing, github])
      expect((await goRound(at, provider)).status).toBe(201);
  });

  const quick = troubles.filter((trouble) => !trouble.includes('hangs'));
  for (const path of ['/login/oauth/access_token', '/api/v3/user'])
    it.each(quick)(`that %s: GitHub at ${path}`, async (trouble) => {
      github.server.trouble[path] = trouble;
      await expectFailed(github);
      expect(github.server.asked.filter(({ path }) => path.startsWith('/moved'))).toEqual([]);
    });

  it('that is away at our start costs only its own sign-ins, until it is back', async () => {
    const late = await startOpenIdProvider({ name: 'late' });
    await late.server.goAway();
    const at = await startAppForTest(settingsOf(late, corp));
    await at.http.get('/readyz').expect(200);
    expectProblem(await at.http.post('/auth/external').send(body('late')), 'provider_unavailable');
    expect((await at.http.get('/auth/providers').expect(200)).body.data).toHaveLength(2);
    corp.person = newPerson();
    expect((await goRound(at, corp)).status).toBe(201);
    await at.signUp();
    await late.server.comeBack();
    await expect
      .poll(async () => (await at.http.post('/auth/external').send(body('late'))).status, { timeout: 20_000 })
      .toBe(200);
    expect((await goRound(at, late)).status).toBe(201);
    await late.server.goAway();
  });

  it('that goes away on the way tells its client, and nothing begins', async () => {
    const at = await startAppForTest(corp.settings);
    const flow = await begin(at, corp);
    const answer = await visit(at, corp, flow.url);
    await corp.server.goAway();
    const back = await carry(at, answer);
    await corp.server.comeBack();
    expect(sentTo(back).get('error')).toBe('external_login_failed');
    expect(await counts(at)).toEqual([0, 0, 0]);
  });

  it('is asked once for its discovery by many at once', async () => {
    const at = await startAppForTest(corp.settings);
    const asked = corp.server.asked.length;
    await Promise.all(Array.from({ length: 20 }, () => begin(at, corp)));
    const discoveries = corp.server.asked.slice(asked).filter(({ path }) => path.startsWith('/.well-known'));
    expect(discoveries).toHaveLength(1);
  });
});

describe('Discovery is refused', () => {
  it.each<[string, (issuer: string) => Record<string, unknown>]>([
    ['of another issuer', () => ({ issuer: 'https://evil.example' })],
    ['of an issuer that differs by a slash', (issuer) => ({ issuer: `${issuer}/` })],
    ['of no issuer', () => ({ issuer: undefined })],
    ['without a token endpoint', () => ({ token_endpoint: undefined })],
    ['with an authorization endpoint that is a script', () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['with a token endpoint without encryption elsewhere', () => ({ token_endpoint: 'http://provider.example/token' })],
    ['with keys without encryption elsewhere', () => ({ jwks_uri: 'http://provider.example/jwks' })],
  ])('%s', async (_, wrong) => {
    const at = await startAppForTest(corp.settings);
    corp.wrong = { discovery: wrong(corp.issuer) };
    const body = { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43) };
    const answer = await at.http.post('/auth/external').send(body);
    if (answer.status === 200) await expectFailed(corp, at);
    else expectProblem(answer, 'provider_unavailable');
  });

  it('also where the issuer changes while we run: what we know goes on, or nothing does', async () => {
    const at = await startAppForTest(corp.settings);
    corp.person = newPerson();
    const { body } = await goRound(at, corp);
    corp.wrong = { discovery: { issuer: 'https://evil.example' }, claims: { iss: 'https://evil.example' } };
    await expectFailed(corp, at);
    corp.wrong = {};
    expect((await goRound(at, corp)).body.user.id).toBe(body.user.id);
  });
});

describe('GitHub’s word is refused', () => {
  it.each<[string, GitHub['wrong']]>([
    ['without a number', { user: { id: undefined } }],
    ['with a number in a text', { user: { id: '583231' } }],
    ['with no whole number', { user: { id: 1.5 } }],
    ['with nought', { user: { id: 0 } }],
    ['with a number that is not exact', { user: { id: 2 ** 60 } }],
  ])('%s', async (_, wrong) => {
    github.wrong = wrong;
    await expectFailed(github);
  });

  it.each<[string, unknown]>([
    ['is none', []],
    ['is no list', { message: 'Bad' }],
    ['has odd entries', [null, 42, { email: 42, primary: true, verified: true }]],
    ['calls addresses verified in a text', [{ email: 'ada@github.example', primary: true, verified: 'true' }]],
  ])('as to an address where its list %s', async (_, emails) => {
    github.wrong = { emails };
    github.person = { ...github.person, id: github.person.id + 1 };
    const flow = await begin(app, github);
    const query = sentTo(await carry(app, await visit(app, github, flow.url)));
    if (query.get('error')) return expect(query.get('error')).toBe('external_login_failed');
    const proof = { code: query.get('code'), code_verifier: flow.verifier };
    const { body } = await app.http.post('/auth/external/token').send(proof).expect(201);
    expect(body.external.email_verified).toBe(false);
    expect((await app.deps.db.user.findUniqueOrThrow({ where: { id: body.user.id } })).email).toBeNull();
  });
});
