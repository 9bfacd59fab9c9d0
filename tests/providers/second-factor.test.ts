import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm } from '../support/mails.js';
import { externalCode, goRound, redeem } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf } from '../support/second-factor.js';

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider({
    settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified', PROVIDER_CORP_ACR: 'urn:corp:two:aal2' },
  });
  app = await startApp(corp.settings);
});
afterAll(async () => {
  await app?.stop();
  await corp?.server.goAway();
});

const bearerOf = (body: { access_token: string }) => ({ Authorization: `Bearer ${body.access_token}` });
const second = (login_token: string, more: object) =>
  app.http.post('/auth/login/second-factor').send({ login_token, ...more });

/** A user of the provider alone, whose second factor is on. */
async function withTotp() {
  const email = `${randomBytes(6).toString('hex')}@mail.example`;
  corp.person = newPerson({ email, email_verified: true });
  const { body } = await goRound(app, corp);
  const user = { userId: body.user.id as string, bearer: bearerOf(body), refreshToken: body.refresh_token as string };
  const totp = await addTotp(app, user);
  return { ...user, ...totp };
}

describe('A second factor', () => {
  it('is asked for after a provider all the same, and no token comes before it', async () => {
    const user = await withTotp();
    const answer = await goRound(app, corp);
    expectProblem(answer, 'second_factor_required');
    expect(answer.body.methods).toEqual(['totp', 'recovery_code']);
    expect(answer.headers['set-cookie']).toBeUndefined();
    const { body } = await second(answer.body.login_token, { code: codeOf(user.secret) }).expect(200);
    expect(body).toMatchObject({ acr: 'aal2', amr: ['fed', 'otp', 'mfa'], user: { id: user.userId } });
  });

  it('is spared on a trusted device, which gives aal1', async () => {
    const user = await withTotp();
    const { login_token } = (await goRound(app, corp)).body;
    const remembered = await second(login_token, { code: codeOf(user.secret), remember_device: true }).expect(200);
    const { device_token } = remembered.body;
    const spared = await goRound(app, corp, { token: { device_token } });
    expect([spared.status, spared.body.acr, spared.body.amr]).toEqual([200, 'aal1', ['fed']]);
    expectProblem(await goRound(app, corp), 'second_factor_required');
  });

  it('that a provider has asked for counts not as the one that a trusted device is spared', async () => {
    const user = await withTotp();
    const { login_token } = (await goRound(app, corp)).body;
    const { body } = await second(login_token, { code: codeOf(user.secret), remember_device: true }).expect(200);
    corp.person = { ...corp.person, acr: 'urn:corp:two' };
    const spared = await goRound(app, corp, { token: { device_token: body.device_token } });
    expect([spared.status, spared.body.acr]).toEqual([200, 'aal1']);
    const removal = await app.http.delete(`/me/totp/${user.id}`).set(bearerOf(spared.body)).send({});
    expectProblem(removal, 'insufficient_user_authentication');
  });

  it('is asked for also where the code came again: a code is good once', async () => {
    await withTotp();
    const proof = await externalCode(app, corp);
    expectProblem(await redeem(app, proof), 'second_factor_required');
    expectProblem(await redeem(app, proof), 'invalid_token');
  });

  it('does not let a half sign-in live on after the identity is unlinked', async () => {
    const user = await withTotp();
    await app.http
      .post('/me/password')
      .set(user.bearer)
      .send({ new_password: 'a wholly different battery' })
      .expect(204);
    const { login_token } = (await goRound(app, corp)).body;
    const { body } = await app.http.get('/me/sign-in-methods').set(user.bearer).expect(200);
    await app.http.delete(`/me/identities/${body.identities[0].id}`).set(user.bearer).send({}).expect(204);
    expect((await second(login_token, { code: codeOf(user.secret) })).status).toBe(401);
  });
});

describe('The code of a sign-in whose second factor was given', () => {
  it('used again ends the session that it led to', async () => {
    const user = await withTotp();
    const proof = await externalCode(app, corp);
    const { login_token } = (await redeem(app, proof)).body;
    const { body } = await second(login_token, { code: codeOf(user.secret) }).expect(200);
    await app.http.get('/me').set(bearerOf(body)).expect(200);
    expectProblem(await redeem(app, proof), 'invalid_token');
    expect((await app.http.get('/me').set(bearerOf(body))).status).toBe(401);
  });

  it('used again before that ends the half sign-in', async () => {
    const user = await withTotp();
    const proof = await externalCode(app, corp);
    const { login_token } = (await redeem(app, proof)).body;
    expectProblem(await redeem(app, proof), 'invalid_token');
    expectProblem(await second(login_token, { code: codeOf(user.secret) }), 'login_expired');
  });
});

describe('What a provider says of two factors', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['its acr, where the setting names it', { acr: 'urn:corp:two' }, 'aal2'],
    ['its amr, where the setting names it', { amr: ['pwd', 'urn:corp:two'] }, 'aal2'],
    ['another acr', { acr: 'urn:corp:two:more' }, 'aal1'],
    ['nothing', {}, 'aal1'],
    ['an acr in a list', { acr: ['urn:corp:two'] }, 'aal1'],
    ['an amr in a text', { amr: 'urn:corp:two' }, 'aal1'],
  ])('counts only as the setting says: %s', async (_, claims, acr) => {
    corp.person = newPerson(claims);
    const { status, body } = await goRound(app, corp);
    expect([status, body.acr]).toEqual([201, acr]);
    expect(body.amr).toContain('fed');
  });
});

describe('A disabled user', () => {
  it('does not come in by a provider, and hears so only after proving who they are', async () => {
    corp.person = newPerson();
    const { body } = await goRound(app, corp);
    await changeUser(app.deps, body.user.id, { disabled: true }, {}, 'all');
    expectProblem(await goRound(app, corp), 'account_disabled');
    expect(await app.deps.db.session.count({ where: { userId: body.user.id, endedAt: null } })).toBeLessThanOrEqual(1);
  });
});

describe('Where a vouched-for address links at once', () => {
  it('of two sign-ins that wait for the second factor one links, and leaves no session after it is unlinked', async () => {
    const at = await startAppForTest({ ...corp.settings, IDENTITY_LINKING: 'verified' });
    const email = `${randomBytes(6).toString('hex')}@mail.example`;
    const owner = await at.signUp({ email });
    await confirm(at, email);
    const { secret, bearer } = await addTotp(at, owner);
    corp.person = newPerson({ email, email_verified: true });
    const [one, other] = [await goRound(at, corp), await goRound(at, corp)];
    const give = ({ body }: typeof one, turn: number) =>
      at.http.post('/auth/login/second-factor').send({ login_token: body.login_token, code: codeOf(secret, turn) });
    const { body } = await give(one, 0).expect(200);
    expectProblem(await give(other, 1), 'login_expired');
    const [{ id }] = (await at.http.get('/me/sign-in-methods').set(bearer).expect(200)).body.identities;
    await at.http.delete(`/me/identities/${id}`).set(bearer).send({}).expect(204);
    expectProblem(await at.http.get('/me').set(bearerOf(body)), 'session_revoked');
  });
});
