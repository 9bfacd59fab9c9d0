import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createAuthenticator, newKey } from '../support/authenticator.js';
import { addPasskey, answerOf, signInWith } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { codeOf } from '../support/second-factor.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const bearerOf = (body: { access_token: string }) => ({ Authorization: `Bearer ${body.access_token}` });
const claimsOf = ({ Authorization }: { Authorization: string }) => jwt.decode(Authorization.slice(7)) as jwt.JwtPayload;
const logIn = ({ username, password }: SignedUp, more: object = {}) =>
  app.http.post('/auth/login').send({ username, password, ...more });
const give = (login_token: string, passkey: unknown) =>
  app.http.post('/auth/login/second-factor').send({ login_token, passkey });
const reauthenticate = (bearer: SignedUp['bearer'], passkey: unknown) =>
  app.http.post('/auth/reauthenticate').set(bearer).send({ passkey });

/** A user whose second factor is on, with a passkey. */
async function withSecondFactor(mode = 'any', kind: Parameters<typeof createAuthenticator>[0] = {}) {
  const user = await app.signUp();
  const passkey = await addPasskey(app, user, createAuthenticator(kind));
  const bearer = bearerOf((await signInWith(app, passkey.authenticator)).body);
  await app.http.patch('/me/sign-in-methods').set(bearer).send({ second_factor: mode }).expect(200);
  return { user, bearer, ...passkey };
}

describe('A passkey as the second factor', () => {
  it.each(['any', 'passkey'])('is asked for and taken with `%s`, after a password', async (mode) => {
    const { user, authenticator } = await withSecondFactor(mode);
    const asked = await logIn(user);
    expectProblem(asked, 'second_factor_required');
    expect(asked.body.methods).toEqual(['passkey', 'recovery_code']);
    const { body } = await give(asked.body.login_token, await answerOf(app, authenticator)).expect(200);
    expect(body).toMatchObject({ acr: 'phr', amr: ['pwd', 'swk', 'user', 'mfa'], user: { id: user.userId } });
  });

  it('is refused if it is wrong or another user’s, and the login token stays', async () => {
    const [own, other] = [await withSecondFactor(), await withSecondFactor()];
    const { login_token } = (await logIn(own.user)).body;
    expectProblem(await give(login_token, await answerOf(app, other.authenticator)), 'invalid_credentials');
    const wrong = await answerOf(app, own.authenticator, { key: newKey('ES256') });
    expectProblem(await give(login_token, wrong), 'invalid_credentials');
    expectProblem(await give(login_token, own.authenticator.get({ challenge: 'AAAA' })), 'challenge_expired');
    expectProblem(await give(login_token, { id: 'x' }), 'validation_failed');
    await give(login_token, await answerOf(app, own.authenticator)).expect(200);
  });

  it('counts once, with the login token and with the challenge', async () => {
    const { user, authenticator } = await withSecondFactor('any', { synced: false, counts: true });
    const tokens = await Promise.all([0, 1].map(async () => (await logIn(user)).body.login_token));
    const answer = await answerOf(app, authenticator);
    const both = await Promise.all(tokens.map((token) => give(token, answer)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(await app.deps.db.auditEvent.count({ where: { userId: user.userId, action: 'passkey.suspect' } })).toBe(0);
    const { login_token } = (await logIn(user)).body;
    const answers = [await answerOf(app, authenticator), await answerOf(app, authenticator)];
    const twice = await Promise.all(answers.map((one) => give(login_token, one)));
    expect(twice.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('is the only one where `passkey` is set: a code of an authenticator app is not taken', async () => {
    const { user, bearer } = await withSecondFactor('passkey');
    const { body } = await app.http.post('/me/totp').set(bearer).send({}).expect(201);
    const confirm = { code: codeOf(body.secret) };
    await app.http.post(`/me/totp/${body.id}/confirm`).set(bearer).send(confirm).expect(200);
    const asked = await logIn(user);
    expect(asked.body.methods).toEqual(['passkey', 'recovery_code']);
    const { login_token } = asked.body;
    const byCode = { login_token, code: codeOf(body.secret, 1) };
    expectProblem(await app.http.post('/auth/login/second-factor').send(byCode), 'invalid_code');
  });
});

describe('A passkey as a step-up', () => {
  it('makes the session phishing-resistant, and a refresh keeps that', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    const { body } = await reauthenticate(user.bearer, await answerOf(app, authenticator)).expect(200);
    expect(body).toMatchObject({ session_id: user.sessionId, acr: 'phr', amr: ['swk', 'user', 'mfa'] });
    expect(claimsOf(bearerOf(body))).toMatchObject({ acr: 'phr', sid: user.sessionId });
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    expect(refreshed.body.acr).toBe('phr');
    await app.http.post('/me/passkeys/options').set(bearerOf(body)).send({}).expect(200);
  });

  it('is refused if it is another user’s, wrong, or used before', async () => {
    const [user, other] = [await app.signUp(), await app.signUp()];
    const own = await addPasskey(app, user);
    const others = await addPasskey(app, other);
    expectProblem(await reauthenticate(user.bearer, await answerOf(app, others.authenticator)), 'invalid_credentials');
    const wrong = await answerOf(app, own.authenticator, { origin: 'https://evil.example' });
    expectProblem(await reauthenticate(user.bearer, wrong), 'invalid_credentials');
    const answer = await answerOf(app, own.authenticator);
    const both = await Promise.all([0, 1].map(() => reauthenticate(user.bearer, answer)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
    expectProblem(await reauthenticate(user.bearer, answer), 'challenge_expired');
  });

  it('uses its answer up for a sign-in, and the other way round', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    const [one, two] = [await answerOf(app, authenticator), await answerOf(app, authenticator)];
    await reauthenticate(user.bearer, one).expect(200);
    expectProblem(await app.http.post('/auth/login/passkey').send({ passkey: one }), 'challenge_expired');
    await app.http.post('/auth/login/passkey').send({ passkey: two }).expect(200);
    expectProblem(await reauthenticate(user.bearer, two), 'challenge_expired');
  });

  it('refused too often from one address is refused for a while', async () => {
    const own = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_PASSKEY: '2/1m' });
    const user = await own.signUp();
    const { authenticator } = await addPasskey(own, user);
    const send = async () =>
      own.http
        .post('/auth/reauthenticate')
        .set(user.bearer)
        .send({ passkey: await answerOf(own, authenticator, { origin: 'https://evil.example' }) });
    expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([401, 401, 429]);
  });
});
