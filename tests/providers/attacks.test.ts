import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { resetSecondFactor } from '../../src/second-factor/reset.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { challengeOf, random } from '../support/pretended-providers/codes.js';
import {
  begin,
  carry,
  externalCode,
  goRound,
  redeem,
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

let app: TestApp;
let corp: OpenIdProvider;
let other: OpenIdProvider;
beforeAll(async () => {
  [corp, other] = await Promise.all([startOpenIdProvider(), startOpenIdProvider({ name: 'other' })]);
  app = await startApp(settingsOf(corp, other));
});
afterAll(async () => {
  await app?.stop();
  for (const provider of [corp, other]) await provider?.server.goAway();
});

const usersAndSessions = async () => [await app.deps.db.user.count(), await app.deps.db.session.count()];
const logOutAll = (token: string) =>
  app.http.post('/auth/logout-all').set('Authorization', `Bearer ${token}`).expect(204);
const callback = (query: Record<string, string>, provider = 'corp') =>
  app.http.get(`/auth/callback/${provider}?${new URLSearchParams(query)}`);

/** Expects that the browser is told here, and is sent nowhere. */
function expectNoRedirect(answer: Awaited<ReturnType<typeof carry>>) {
  expectProblem(answer, 'invalid_request');
  expect(answer.headers.location).toBeUndefined();
}

describe('At the callback', () => {
  it('a state that is unknown, used, missing, doubled, or of another provider leads nowhere', async () => {
    expectNoRedirect(await callback({ code: 'x', state: random() }));
    expectNoRedirect(await callback({ code: 'x' }));
    expectNoRedirect(await callback({ error: 'access_denied' }));
    const flow = await begin(app, corp);
    const answer = await visit(app, corp, flow.url);
    const { state = '', code = '', iss = '' } = answer.parameters;
    expectNoRedirect(
      await app.http.get(`${answer.path}?${new URLSearchParams({ code, iss, state })}&state=${random()}`),
    );
    expectNoRedirect(await app.http.get(`${answer.path}?code=${code}&state[]=${state}`));
    const good = await begin(app, corp);
    const brought = await visit(app, corp, good.url);
    expect((await carry(app, brought)).status).toBe(303);
    expectNoRedirect(await carry(app, brought));
  });

  it('a state of one provider does not work at another', async () => {
    const flow = await begin(app, corp);
    const answer = await visit(app, corp, flow.url);
    const mixed = await carry(app, { ...answer, path: '/auth/callback/other' });
    if (mixed.status === 303) expect(sentTo(mixed).get('error')).toBe('external_login_failed');
    else expectNoRedirect(mixed);
    expect(other.server.asked.filter(({ path }) => path === '/token')).toEqual([]);
  });

  it('a code of another flow is worth nothing there, and both flows end', async () => {
    corp.person = newPerson();
    const [victim, attacker] = [await begin(app, corp), await begin(app, corp)];
    const [hers, his] = [await visit(app, corp, victim.url), await visit(app, corp, attacker.url)];
    const before = await usersAndSessions();
    const swapped = await carry(app, { ...hers, parameters: { ...hers.parameters, code: his.parameters.code ?? '' } });
    expect(Object.fromEntries(sentTo(swapped))).toMatchObject({ error: 'external_login_failed', state: victim.state });
    expect(await usersAndSessions()).toEqual(before);
    expectNoRedirect(await carry(app, hers));
  });

  it('a preview of the link uses nothing up', async () => {
    const { path, parameters } = await visit(app, corp, (await begin(app, corp)).url);
    const at = `${path}?${new URLSearchParams(parameters)}`;
    expect((await app.http.head(at)).status).toBe(400);
    expect((await app.http.get(at)).headers.location).toContain('code=');
  });

  it('an answer is good once, also of many at once', async () => {
    corp.person = newPerson();
    const flow = await begin(app, corp);
    const answer = await visit(app, corp, flow.url);
    const asked = corp.server.asked.filter(({ path }) => path === '/token').length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => carry(app, answer)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array(9).fill(400)]);
    expect(corp.server.asked.filter(({ path }) => path === '/token').length - asked).toBe(1);
  });

  it('an expired state leads nowhere', async () => {
    const flow = await begin(app, corp);
    const answer = await visit(app, corp, flow.url);
    await app.deps.db.externalFlow.updateMany({ data: { expiresAt: new Date(Date.now() - 1000) } });
    expectNoRedirect(await carry(app, answer));
  });

  it('what the provider’s answer says is not passed on', async () => {
    const flow = await begin(app, corp);
    const { state = '' } = (await visit(app, corp, flow.url)).parameters;
    const evil = {
      error: 'server_error"><script>',
      error_uri: 'https://evil.example',
      redirect_uri: 'https://evil.example',
    };
    const answer = await callback({ ...evil, error_description: 'Call this number', state, iss: corp.issuer });
    expect(answer.headers.location).toMatch(/^http:\/\/localhost:3000\/callback\?/);
    expect(Object.fromEntries(sentTo(answer))).toEqual({
      error: 'external_login_failed',
      state: flow.state,
      iss: 'http://localhost:3000',
    });
    expect(decodeURIComponent(answer.headers.location ?? '')).not.toMatch(/evil|script|number/);
  });

  it('a provider that there is not is not found', async () => {
    for (const name of ['nobody', 'constructor', 'corp%2f..', 'CORP']) {
      const answer = await app.http.get(`/auth/callback/${name}?code=x&state=${random()}`);
      expect([name, answer.status]).toEqual([name, 404]);
    }
  });
});

describe('An external code', () => {
  it('is worth nothing without the verifier of its flow, and to no other client', async () => {
    corp.person = newPerson();
    const { code, code_verifier } = await externalCode(app, corp);
    const before = await usersAndSessions();
    expectProblem(await redeem(app, { code }), 'validation_failed');
    const strangers = await externalCode(app, corp);
    // It is no secret: it may be in a row.
    app.secrets.exempt(challengeOf(code_verifier));
    for (const wrong of ['A'.repeat(43), strangers.code_verifier, challengeOf(code_verifier)]) {
      const answer = await redeem(app, { code, code_verifier: wrong });
      expectProblem(answer, 'invalid_token');
    }
    expect(await usersAndSessions()).toEqual(before);
  });

  it('is not used up by who has no verifier for it', async () => {
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    expectProblem(await redeem(app, { ...proof, code_verifier: 'A'.repeat(43) }), 'invalid_token');
    expect((await redeem(app, proof)).status).toBe(201);
  });

  it('used a second time ends the session of the first', async () => {
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    const first = await redeem(app, proof);
    expect(first.status).toBe(201);
    const bearer = { Authorization: `Bearer ${first.body.access_token}` };
    await app.http.get('/me').set(bearer).expect(200);
    expectProblem(await redeem(app, proof), 'invalid_token');
    expect((await app.http.get('/me').set(bearer)).status).toBe(401);
    expect((await app.http.post('/auth/refresh').send({ refresh_token: first.body.refresh_token })).status).toBe(401);
    // Who is known signs in anew, and that session is another.
    expect((await goRound(app, corp)).status).toBe(200);
  });

  it('used a second time with a wrong verifier ends nothing', async () => {
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    const { body } = await redeem(app, proof);
    expectProblem(await redeem(app, { ...proof, code_verifier: 'A'.repeat(43) }), 'invalid_token');
    await app.http.get('/me').set('Authorization', `Bearer ${body.access_token}`).expect(200);
  });

  it('of many at once starts one session, which ends, as after any second use', async () => {
    corp.person = newPerson();
    await goRound(app, corp);
    const proof = await externalCode(app, corp);
    const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(app, proof)));
    const [first, ...others] = answers.sort((one, other) => one.status - other.status);
    expect(first?.status).toBe(200);
    for (const answer of others) expectProblem(answer, 'invalid_token');
    expect((await app.http.get('/me').set('Authorization', `Bearer ${first?.body.access_token}`)).status).toBe(401);
  });

  it.each<[string, (userId: string, token: string) => Promise<unknown>, string]>([
    ['their user was disabled', (id) => changeUser(app.deps, id, { disabled: true }, {}, 'all'), 'account_disabled'],
    ['an administrator reset their second factors', (id) => resetSecondFactor(app.deps, id, {}), 'invalid_token'],
    ['all their sessions were ended', (_, token) => logOutAll(token), 'invalid_token'],
  ])('of somebody known starts no session after %s', async (_, change, code) => {
    corp.person = newPerson();
    const { body } = await goRound(app, corp);
    const proof = await externalCode(app, corp);
    await change(body.user.id, body.access_token);
    const answer = await redeem(app, proof);
    expect([answer.status >= 400, answer.body.code]).toEqual([true, code]);
    expect(await app.deps.db.session.count({ where: { userId: body.user.id } })).toBe(1);
  });

  it('lives for 60 seconds', async () => {
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    const [row] = await app.deps.db.$queryRaw<{ left: number }[]>`
      SELECT extract(epoch FROM max(expires_at) - clock_timestamp())::float AS left FROM external_flow
      WHERE code_hash IS NOT NULL AND used_at IS NULL`;
    expect(row?.left).toBeLessThanOrEqual(60);
    expect(row?.left).toBeGreaterThan(40);
    await app.deps.db.externalFlow.updateMany({ data: { expiresAt: new Date(Date.now() - 1000) } });
    expectProblem(await redeem(app, proof), 'invalid_token');
  });

  it.each(['code', 'code_verifier'])('is not read from a query: %s', async (name) => {
    corp.person = newPerson();
    const proof: Record<string, string> = await externalCode(app, corp);
    const { [name]: moved = '', ...rest } = proof;
    const answer = await app.http.post(`/auth/external/token?${new URLSearchParams({ [name]: moved })}`).send(rest);
    expectProblem(answer, 'invalid_request');
  });

  it('that an attacker slips into somebody’s browser signs nobody in: their client has another verifier', async () => {
    corp.person = newPerson();
    const attackers = await externalCode(app, corp);
    const victim = await begin(app, corp);
    expectProblem(await redeem(app, { code: attackers.code, code_verifier: victim.verifier }), 'invalid_token');
  });

  it('that an attacker asked for, and a victim brought about, is not theirs where the browser keeps it', async () => {
    // The victim is led to the attacker's URL. What the callback sends goes to an allowed client alone.
    corp.person = newPerson();
    const attacker = await begin(app, corp, { redirect_uri: redirectUri });
    const answer = await carry(app, await visit(app, corp, attacker.url));
    expect(answer.headers.location).toMatch(/^http:\/\/localhost:3000\/callback\?/);
    // That client has no flow with this state, and drops the code.
    expect(sentTo(answer).get('state')).toBe(attacker.state);
  });
});

describe('A redirect URI', () => {
  const post = (at: TestApp, redirect_uri: string) =>
    at.http.post('/auth/external').send({ provider: 'corp', redirect_uri, code_challenge: 'A'.repeat(43) });
  const listed = ['https://app.example/callback', 'com.example.app:/callback', 'http://127.0.0.1/callback'];

  it('is taken if it is on the list, on loopback with any port', async () => {
    const at = await startAppForTest({ ...corp.settings, REDIRECT_URIS: listed.join(',') });
    for (const uri of [...listed, 'http://127.0.0.1:51234/callback', 'http://127.0.0.1:1/callback'])
      expect([uri, (await post(at, uri)).status]).toEqual([uri, 200]);
  });

  it('is refused if it is only near to one on the list', async () => {
    const at = await startAppForTest({ ...corp.settings, REDIRECT_URIS: listed.join(',') });
    for (const uri of [
      'https://app.example/callback/',
      'https://app.example/callback?x=1',
      'https://app.example/callback#',
      'https://app.example/Callback',
      'https://app.example/callback/../evil',
      'https://app.example/evil/../callback',
      'https://app.example/callback%2f..',
      'https://app.example//callback',
      'https://app.example:443/callback',
      'https://app.example:8443/callback',
      'https://APP.example/callback',
      'https://app.example./callback',
      'https://app.example@evil.example/callback',
      'https://evil.example/https://app.example/callback',
      'https://app.example.evil.example/callback',
      'https://xapp.example/callback',
      'https:/app.example/callback',
      'https:\\\\app.example/callback',
      ' https://app.example/callback',
      'https://app.example/callback ',
      'https://app.example/call\nback',
      'https://app.example/callback\u0000',
      'http://app.example/callback',
      '//app.example/callback',
      'javascript:alert(1)//https://app.example/callback',
      'com.example.app:/callback2',
      'com.example.app://callback',
      'com.example.appx:/callback',
      'COM.example.app:/callback',
      'http://127.0.0.1:51234/callback/x',
      'http://127.0.0.1:51234/callback?x=1',
      'http://127.0.0.1.evil.example/callback',
      'http://127.0.0.1:80@evil.example/callback',
      'http://127.0.0.1:70000/callback',
      'http://127.0.0.1:/callback',
      'http://127.0.0.1:0x50/callback',
      'http://127.1/callback',
      'http://localhost:51234/callback',
      'http://[::1]:51234/callback',
      'https://127.0.0.1/callback',
      '',
    ]) {
      const answer = await post(at, uri);
      expect([uri, answer.status]).toEqual([uri, 422]);
    }
  });
});
