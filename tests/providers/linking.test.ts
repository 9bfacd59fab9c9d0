import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { confirm, settledMails } from '../support/mails.js';
import { addPasskey } from '../support/passkeys.js';
import { externalCode, goRound, redeem } from '../support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';
import { addTotp } from '../support/second-factor.js';

let app: TestApp;
let corp: OpenIdProvider;
let trusted: OpenIdProvider;
beforeAll(async () => {
  [corp, trusted] = await Promise.all([
    startOpenIdProvider(),
    startOpenIdProvider({ name: 'trusted', settings: { PROVIDER_TRUSTED_TRUST_EMAIL: 'verified' } }),
  ]);
  app = await startApp(settingsOf(corp, trusted));
});
afterAll(async () => {
  await app?.stop();
  for (const provider of [corp, trusted]) await provider?.server.goAway();
});

type Bearer = { Authorization: string };
const password = goodPassword;
const newAddress = () => `${randomBytes(6).toString('hex')}@mail.example`;
const link = (bearer: Bearer, fields: object) => app.http.post('/me/identities').set(bearer).send(fields);
const unlink = (bearer: Bearer, id: string, fields: object = {}) =>
  app.http.delete(`/me/identities/${id}`).set(bearer).send(fields);
const methodsOf = async (bearer: Bearer) => (await app.http.get('/me/sign-in-methods').set(bearer).expect(200)).body;
const eventsOf = async (userId: string, action: string) =>
  app.deps.db.auditEvent.findMany({ where: { userId, action }, orderBy: { id: 'asc' } });
const bearerOf = (body: { access_token: string }) => ({ Authorization: `Bearer ${body.access_token}` });

async function withAddress(): Promise<SignedUp & { email: string }> {
  const email = newAddress();
  const user = await app.signUp({ email });
  await confirm(app, email);
  return { ...user, email };
}

async function withIdentity() {
  const user = await withAddress();
  corp.person = newPerson();
  const { body } = await link(user.bearer, { ...(await externalCode(app, corp)), password }).expect(201);
  return { ...user, identityId: body.id as string, person: corp.person };
}

describe('Linking', () => {
  it('adds an identity to a user, who can then sign in by it, and hears of it by mail', async () => {
    const user = await withAddress();
    corp.person = newPerson();
    const { body } = await link(user.bearer, { ...(await externalCode(app, corp)), password }).expect(201);
    const { email, name } = corp.person;
    const identity = { id: body.id, provider: 'corp', email, name, created_at: body.created_at, last_used_at: null };
    expect(body).toEqual(identity);
    expect((await methodsOf(user.bearer)).identities).toEqual([identity]);
    const signedIn = await goRound(app, corp);
    expect([signedIn.status, signedIn.body.user.id]).toEqual([200, user.userId]);
    expect((await methodsOf(user.bearer)).identities[0].last_used_at).not.toBeNull();
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${user.email}>`);
    expect(mails.map(({ subject }) => subject)).toContain('You can sign in by a provider now');
    expect(await eventsOf(user.userId, 'identity.linked')).toHaveLength(1);
    expect(JSON.stringify(await eventsOf(user.userId, 'identity.linked'))).not.toContain(corp.person.sub);
  });

  it('works with the link token of a refused sign-in, once, after signing in by what one has', async () => {
    const user = await withAddress();
    trusted.person = newPerson({ email: user.email, email_verified: true });
    const refused = await goRound(app, trusted);
    expectProblem(refused, 'link_required');
    const { link_token } = refused.body;
    const login = await app.http.post('/auth/login').send({ username: user.username, password }).expect(200);
    const { body } = await link(bearerOf(login.body), { link_token, password }).expect(201);
    expect(body).toMatchObject({ provider: 'trusted', email: user.email });
    expectProblem(await link(bearerOf(login.body), { link_token, password }), 'invalid_token');
    expect((await goRound(app, trusted)).body.user.id).toBe(user.userId);
  });

  it('by a link token links the one that it was given for, whoever is at the provider by then', async () => {
    const user = await withAddress();
    trusted.person = newPerson({ email: user.email, email_verified: true });
    const { sub } = trusted.person;
    const { link_token } = (await goRound(app, trusted)).body;
    trusted.person = newPerson();
    await link(user.bearer, { link_token, password }).expect(201);
    expect(await app.deps.db.identity.findMany({ where: { userId: user.userId } })).toMatchObject([
      { issuer: trusted.issuer, subject: sub },
    ]);
  });

  it('needs proof: the password, or what the user has instead', async () => {
    const user = await withAddress();
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    expectProblem(await link(user.bearer, proof), 'validation_failed');
    expectProblem(await link(user.bearer, { ...proof, password: 'not this one, for sure' }), 'invalid_credentials');
    await link(user.bearer, { ...proof, password }).expect(201);
  });

  it('needs the second factor where it is on', async () => {
    const user = await withAddress();
    const { bearer } = await addTotp(app, user);
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    const weak = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect(weak.status).toBe(200);
    expectProblem(await link(user.bearer, { ...proof, password }), 'insufficient_user_authentication');
    await link(bearer, proof).expect(201);
  });

  it('needs an access token, and an address that is verified', async () => {
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    expect((await app.http.post('/me/identities').send({ ...proof, password })).status).toBe(401);
    for (const email of [newAddress(), undefined]) {
      const user = await app.signUp({ email });
      const expected = email ? 'email_unverified' : undefined;
      const answer = await link(user.bearer, { ...proof, password });
      if (expected) expectProblem(answer, expected);
      else expect(answer.status).toBe(201);
    }
  });

  it('takes no identity that is another user’s, or one’s own already', async () => {
    const owner = await withIdentity();
    const other = await withAddress();
    expectProblem(await link(other.bearer, { ...(await externalCode(app, corp)), password }), 'identity_taken');
    expectProblem(await link(owner.bearer, { ...(await externalCode(app, corp)), password }), 'identity_taken');
    expect((await goRound(app, corp)).body.user.id).toBe(owner.userId);
  });

  it('ends at ten identities', async () => {
    const user = await withAddress();
    for (let n = 0; n < 10; n += 1) {
      corp.person = newPerson();
      await link(user.bearer, { ...(await externalCode(app, corp)), password }).expect(201);
    }
    corp.person = newPerson();
    expectProblem(await link(user.bearer, { ...(await externalCode(app, corp)), password }), 'too_many');
  });

  it('wants the verifier with the code, and either that or a link token', async () => {
    const user = await withAddress();
    corp.person = newPerson();
    const { code, code_verifier } = await externalCode(app, corp);
    expectProblem(await link(user.bearer, { code, password }), 'validation_failed');
    expectProblem(
      await link(user.bearer, { code, code_verifier, link_token: 'A'.repeat(43), password }),
      'validation_failed',
    );
    expectProblem(await link(user.bearer, { password }), 'validation_failed');
    const wrong = await link(user.bearer, { code, code_verifier: 'A'.repeat(43), password });
    expectProblem(wrong, 'invalid_token');
    for (const link_token of ['A'.repeat(43), code, code_verifier])
      expectProblem(await link(user.bearer, { link_token, password }), 'invalid_token');
  });

  it('uses its code up: it starts no session afterwards', async () => {
    const user = await withAddress();
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    await link(user.bearer, { ...proof, password }).expect(201);
    expectProblem(await redeem(app, proof), 'invalid_token');
    expectProblem(await link(user.bearer, { ...proof, password }), 'invalid_token');
  });

  it('by a code that has started a session ends that session: it comes a second time', async () => {
    const user = await withAddress();
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    const { body } = await redeem(app, proof);
    expectProblem(await link(user.bearer, { ...proof, password }), 'invalid_token');
    expect((await app.http.get('/me').set(bearerOf(body))).status).toBe(401);
    await app.http.get('/me').set(user.bearer).expect(200);
  });
});

describe('Unlinking', () => {
  it('ends what the identity began, and it opens nothing any more', async () => {
    const user = await withIdentity();
    const begun = (await goRound(app, corp)).body;
    await app.http.get('/me').set(bearerOf(begun)).expect(200);
    await unlink(user.bearer, user.identityId, { password }).expect(204);
    expect((await app.http.get('/me').set(bearerOf(begun))).status).toBe(401);
    expect((await app.http.post('/auth/refresh').send({ refresh_token: begun.refresh_token })).status).toBe(401);
    await app.http.get('/me').set(user.bearer).expect(200);
    const next = await goRound(app, corp);
    expect([next.status, next.body.user.id === user.userId]).toEqual([201, false]);
    expect(await eventsOf(user.userId, 'identity.unlinked')).toHaveLength(1);
    expect((await methodsOf(user.bearer)).identities).toEqual([]);
  });

  it('needs proof, and one’s own identity', async () => {
    const user = await withIdentity();
    expectProblem(await unlink(user.bearer, user.identityId), 'validation_failed');
    expectProblem(
      await unlink(user.bearer, user.identityId, { password: 'not this one, for sure' }),
      'invalid_credentials',
    );
    const stranger = await withAddress();
    expectProblem(await unlink(stranger.bearer, user.identityId, { password }), 'not_found');
    expectProblem(await unlink(user.bearer, 'not-an-id', { password }), 'not_found');
    expect((await methodsOf(user.bearer)).identities).toHaveLength(1);
  });

  it('leaves the last way in: by an identity, a password or a passkey', async () => {
    trusted.person = newPerson({ email: newAddress(), email_verified: true });
    const { body } = await goRound(app, trusted);
    const [{ id }] = (await methodsOf(bearerOf(body))).identities;
    expectProblem(await unlink(bearerOf(body), id), 'last_sign_in_method');
    await addPasskey(app, { bearer: bearerOf(body) });
    await unlink(bearerOf(body), id).expect(204);
  });

  it('and does not take one for a way in whose issuer is no more', async () => {
    const user = await withIdentity();
    const fields = { where: { id: user.identityId }, data: { issuer: 'https://corp.example/before' } };
    await app.deps.db.identity.update(fields);
    const { id } = await addPasskey(app, user);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { passwordHash: null } });
    expectProblem(await app.http.delete(`/me/passkeys/${id}`).set(user.bearer).send({}), 'last_sign_in_method');
    await unlink(user.bearer, user.identityId).expect(204);
  });

  it('leaves one of two identities', async () => {
    trusted.person = newPerson({ email: newAddress(), email_verified: true });
    const { body } = await goRound(app, trusted);
    corp.person = newPerson();
    await link(bearerOf(body), await externalCode(app, corp)).expect(201);
    const [one, other] = (await methodsOf(bearerOf(body))).identities as { id: string; provider: string }[];
    const byCorp = (await goRound(app, corp)).body;
    const first = [one, other].find((identity) => identity?.provider === 'trusted')?.id ?? '';
    const last = [one, other].find((identity) => identity?.provider === 'corp')?.id ?? '';
    await unlink(bearerOf(byCorp), first).expect(204);
    expectProblem(await unlink(bearerOf(byCorp), last), 'last_sign_in_method');
  });
});

describe('Who has no password', () => {
  const fresh = async () => {
    trusted.person = newPerson({ email: newAddress(), email_verified: true });
    return (await goRound(app, trusted)).body;
  };
  const makeOld = (sessionId: string) =>
    app.deps.db.session.update({
      where: { id: sessionId },
      data: { authTime: new Date(Date.now() - 3_600_000) },
    });
  const renewed = async (body: { refresh_token: string }) =>
    (await app.http.post('/auth/refresh').send({ refresh_token: body.refresh_token }).expect(200)).body;

  it('proves themselves by a fresh sign-in, and not by an old one', async () => {
    const body = await fresh();
    await makeOld(body.session_id);
    const old = await renewed(body);
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    expectProblem(await link(bearerOf(old), proof), 'insufficient_user_authentication');
    const again = (await goRound(app, trusted)).body;
    await link(bearerOf(again), proof).expect(201);
  });

  it('changes their address and deletes their user in the same way', async () => {
    const body = await fresh();
    await makeOld(body.session_id);
    const old = await renewed(body);
    expectProblem(await app.http.delete('/me').set(bearerOf(old)).send({}), 'insufficient_user_authentication');
    await app.http.patch('/me').set(bearerOf(body)).send({ email: newAddress() }).expect(200);
    await app.http.delete('/me').set(bearerOf(body)).send({}).expect(204);
    const next = await goRound(app, trusted);
    expect([next.status, next.body.user.id === body.user.id]).toEqual([201, false]);
  });

  it('can set one, without one before', async () => {
    const body = await fresh();
    await app.http.post('/me/password').set(bearerOf(body)).send({ new_password: password }).expect(204);
    expect((await methodsOf(bearerOf(body))).password).toBe(true);
    await app.http.post('/auth/login').send({ username: body.user.username, password }).expect(200);
  });
});
