import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { countHashes } from '../support/limits.js';
import { confirm, mailTo, settledMails } from '../support/mails.js';
import { startApple } from '../support/pretended-providers/apple.js';
import { type GitHub, startGitHub } from '../support/pretended-providers/github.js';
import { externalCode, goRound, redeem } from '../support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';
import { createTestDatabase } from '../support/test-database.js';

let app: TestApp;
let corp: OpenIdProvider;
let trusted: OpenIdProvider;
let google: OpenIdProvider;
let apple: OpenIdProvider;
let github: GitHub;
beforeAll(async () => {
  [corp, trusted, google, apple, github] = await Promise.all([
    startOpenIdProvider(),
    startOpenIdProvider({ name: 'trusted', settings: { PROVIDER_TRUSTED_TRUST_EMAIL: 'verified' } }),
    startOpenIdProvider({ name: 'google' }),
    startApple(),
    startGitHub(),
  ]);
  app = await startApp(settingsOf(corp, trusted, google, apple, github));
});
afterAll(async () => {
  await app?.stop();
  for (const provider of [corp, trusted, google, apple, github]) await provider?.server.goAway();
});

const userOf = (id: string, at = app) => at.deps.db.user.findUniqueOrThrow({ where: { id } });
const newAddress = (domain = 'mail.example') => `${randomBytes(6).toString('hex')}@${domain}`;

/** A user here who has confirmed an address. */
async function withAddress(at = app, email = newAddress()): Promise<SignedUp & { email: string }> {
  const user = await at.signUp({ email });
  await confirm(at, email);
  return { ...user, email };
}

describe('An address is vouched for', () => {
  const cases: [string, () => OpenIdProvider, Record<string, unknown>, boolean][] = [
    ['by Google for its own mailboxes', () => google, { email: newAddress('gmail.com'), email_verified: true }, true],
    ['by Google for a domain that it hosts', () => google, { email_verified: true, hd: 'corp.example' }, true],
    ['not by Google for another', () => google, { email_verified: true }, false],
    [
      'not by Google before it has verified it',
      () => google,
      { email: newAddress('gmail.com'), email_verified: false },
      false,
    ],
    [
      'not by Google for what only ends like its mailboxes',
      () => google,
      { email: newAddress('notgmail.com'), email_verified: true },
      false,
    ],
    ['by Apple', () => apple, { email_verified: true }, true],
    ['by Apple in its older spelling', () => apple, { email_verified: 'true' }, true],
    ['not by Apple before it has verified it', () => apple, { email_verified: 'false' }, false],
    ['not by another provider', () => corp, { email_verified: true }, false],
    ['by another provider that is trusted with it', () => trusted, { email_verified: true }, true],
    ['not by a trusted provider that says so in a text', () => trusted, { email_verified: 'true' }, false],
    ['not by a trusted provider with a number', () => trusted, { email_verified: 1 }, false],
    ['not by a trusted provider that says nothing', () => trusted, {}, false],
  ];
  it.each(cases)('%s', async (_, provider, claims, vouched) => {
    provider().person = newPerson({ email: newAddress(), ...claims });
    const { email } = provider().person;
    const { status, body } = await goRound(app, provider());
    expect([status, body.external?.email_verified]).toEqual([201, vouched]);
    const user = await userOf(body.user.id);
    const expected = vouched ? { email, pendingEmail: null } : { email: null, pendingEmail: email };
    expect(user).toMatchObject(expected);
    expect(user.emailVerifiedAt !== null).toBe(vouched);
  });

  it.each([
    ['that is primary and verified, by GitHub', { primary: true, verified: true }, true],
    ['not one that is not verified', { primary: true, verified: false }, false],
    ['not one that is not primary', { primary: false, verified: true }, false],
  ])('%s', async (_, says, vouched) => {
    const email = newAddress();
    github.person = { ...github.person, id: github.person.id + 1, emails: [{ email, ...says }] };
    const { status, body } = await goRound(app, github);
    expect(status, JSON.stringify(body)).toBe(201);
    expect((await userOf(body.user.id)).email === email).toBe(vouched);
  });

  it('in no other way: one that is not waits until its owner confirms it', async () => {
    const email = newAddress();
    corp.person = newPerson({ email, email_verified: true });
    const { body } = await goRound(app, corp);
    await confirm(app, email);
    expect(await userOf(body.user.id)).toMatchObject({ email, pendingEmail: null });
  });
});

describe('A new user', () => {
  it('is named after the address, or as the client says, and has no password', async () => {
    trusted.person = newPerson({ email: `grace.${randomBytes(4).toString('hex')}@mail.example`, email_verified: true });
    const { body } = await goRound(app, trusted);
    const [local = ''] = String(trusted.person.email).split('@');
    expect(body.user.username.toLowerCase()).toContain(local.replace('.', '').slice(0, 5));
    trusted.person = newPerson({ email: newAddress(), email_verified: true });
    const named = await goRound(app, trusted, { token: { username: 'as-i-like' } });
    expect([named.status, named.body.user.username]).toEqual([201, 'as-i-like']);
    expect((await userOf(body.user.id)).passwordHash).toBeNull();
  });

  it('is named also where the provider tells no address, no name, or odd ones', async () => {
    for (const claims of [
      { email: undefined, name: undefined },
      { email: undefined, name: '王小明' },
      { email: 'no address', name: '<script>' },
      { email: ['a@b.example'], name: { first: 'x' } },
      { email: `${'x'.repeat(64)}@mail.example`, name: 'x'.repeat(10_000) },
      { email: 'a\u0000b@mail.example', name: 'nul\u0000' },
      { email: 42, name: 42 },
    ]) {
      trusted.person = newPerson({ ...claims, email_verified: true });
      const { status, body } = await goRound(app, trusted);
      expect([status, body.user?.username], JSON.stringify(claims).slice(0, 80)).toEqual([
        201,
        expect.stringMatching(/^[\w.-]{3,32}$/),
      ]);
    }
  });

  it('may not take the name of somebody here, and may try another with the same code', async () => {
    const { username } = await app.signUp();
    corp.person = newPerson();
    const proof = await externalCode(app, corp);
    expectProblem(await redeem(app, { ...proof, username }), 'username_taken');
    const { status, body } = await redeem(app, { ...proof, username: `${username}-2` });
    expect([status, body.user?.username ?? body.code]).toEqual([201, `${username}-2`]);
  });

  it('can’t log in by any password, and the answer is that of an unknown user', async () => {
    corp.person = newPerson();
    const { body } = await goRound(app, corp, { token: { username: 'no-password' } });
    expect(body.user.username).toBe('no-password');
    const hashes = countHashes(app);
    const answers = [];
    for (const [username, password] of [
      ['no-password', goodPassword],
      ['no-password', 'null'],
      ['nobody-here', goodPassword],
    ])
      answers.push(await app.http.post('/auth/login').send({ username, password }));
    for (const answer of answers) expectProblem(answer, 'invalid_credentials');
    expect(hashes).toHaveBeenCalledTimes(3);
  });

  it('can set a password by mail, where the address is theirs', async () => {
    const email = newAddress();
    trusted.person = newPerson({ email, email_verified: true });
    const { body } = await goRound(app, trusted);
    await app.http.post('/auth/password/forgot').send({ email }).expect(202);
    const { token } = await mailTo(app, email, /Set a new/);
    await app.http.post('/auth/password/reset').send({ token, password: goodPassword }).expect(204);
    const login = await app.http.post('/auth/login').send({ username: email, password: goodPassword }).expect(200);
    expect(login.body.user.id).toBe(body.user.id);
  });

  it('is made once from what is said: a later word on the address changes nothing here', async () => {
    const email = newAddress();
    trusted.person = newPerson({ email, email_verified: true });
    const { body } = await goRound(app, trusted);
    trusted.person = { ...trusted.person, email: newAddress() };
    const again = await goRound(app, trusted);
    expect(again.body.user.id).toBe(body.user.id);
    expect(await userOf(body.user.id)).toMatchObject({ email, pendingEmail: null });
  });
});

describe('An address that a user here has', () => {
  it('vouched for, leads to link_required, and never to that user', async () => {
    const user = await withAddress();
    trusted.person = newPerson({ email: user.email.toUpperCase(), email_verified: true });
    const answer = await goRound(app, trusted);
    expectProblem(answer, 'link_required');
    expect(answer.body).toMatchObject({ link_token: expect.stringMatching(/^[\w-]{43}$/), expires_in: 600 });
    expect(answer.text).not.toContain(user.username);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await app.deps.db.identity.count({ where: { userId: user.userId } })).toBe(0);
    expect(await app.deps.db.session.count({ where: { userId: user.userId } })).toBe(1);
  });

  it('not vouched for, gives no hint: a new user without it', async () => {
    const user = await withAddress();
    corp.person = newPerson({ email: user.email, email_verified: true });
    const { status, body, text } = await goRound(app, corp);
    expect(status, text).toBe(201);
    expect(body.user.id).not.toBe(user.userId);
    expect(await userOf(user.userId)).toMatchObject({ email: user.email });
    expect((await userOf(body.user.id)).email).toBeNull();
  });

  it('that a stranger typed in before leads to it too, and its owner gets it by mail: nothing of the stranger’s lives on', async () => {
    const email = newAddress();
    const stranger = await app.signUp({ email });
    trusted.person = newPerson({ email, email_verified: true });
    const { body: refused } = await goRound(app, trusted);
    expect(refused.code).toBe('link_required');
    await app.http.post('/auth/password/forgot').send({ email }).expect(202);
    const { token } = await mailTo(app, email, /Set a new/);
    const password = 'only the owner knows this one';
    await app.http.post('/auth/password/reset').send({ token, password }).expect(204);
    expect((await app.http.get('/me').set(stranger.bearer)).status).toBe(401);
    const login = await app.http.post('/auth/login').send({ username: email, password }).expect(200);
    const bearer = { Authorization: `Bearer ${login.body.access_token}` };
    await app.http.post('/me/identities').set(bearer).send({ link_token: refused.link_token, password }).expect(201);
    expect((await goRound(app, trusted)).body.user.id).toBe(stranger.userId);
    const old = await app.http.post('/auth/login').send({ username: email, password: stranger.password });
    expectProblem(old, 'invalid_credentials');
  });

  it('that a stranger typed in can’t be linked by them: no method is added to an address that is not verified', async () => {
    const email = newAddress();
    const stranger = await app.signUp({ email });
    corp.person = newPerson();
    const proof = { ...(await externalCode(app, corp)), password: stranger.password };
    expectProblem(await app.http.post('/me/identities').set(stranger.bearer).send(proof), 'email_unverified');
  });

  it('can’t be prepared by who has an account at the provider: their user is not the owner’s', async () => {
    const email = newAddress();
    corp.person = newPerson({ email, email_verified: true });
    const attacker = await goRound(app, corp);
    const owner = await withAddress(app, email);
    expect(owner.userId).not.toBe(attacker.body.user.id);
    const again = await goRound(app, corp);
    expect(again.body.user.id).toBe(attacker.body.user.id);
    expect((await userOf(attacker.body.user.id)).email).toBeNull();
  });

  it('can’t be taken after its owner has left the provider: the next one with it is another person', async () => {
    const email = newAddress();
    trusted.person = newPerson({ email, email_verified: true });
    const first = await goRound(app, trusted);
    expect(first.status).toBe(201);
    trusted.person = newPerson({ email, email_verified: true });
    expectProblem(await goRound(app, trusted), 'link_required');
  });

  it('is one thing for each issuer: the same subject at another issuer is another person', async () => {
    corp.person = newPerson({ email: undefined });
    trusted.person = corp.person;
    const [one, other] = [await goRound(app, corp), await goRound(app, trusted)];
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(one.body.user.id).not.toBe(other.body.user.id);
  });

  it('an address that nobody could sign up with is none', async () => {
    trusted.person = newPerson({ email: 'ada@intranet', email_verified: true });
    expect((await goRound(app, trusted)).body.user.email).toBeNull();
  });

  it('a long name is cut between characters', async () => {
    corp.person = newPerson({ name: `${'a'.repeat(99)}\u{1f600}${'b'.repeat(50)}` });
    const { body } = await goRound(app, corp);
    expect(body.external.name).toBe(`${'a'.repeat(99)}\u{1f600}`);
  });

  it('subjects are compared exactly', async () => {
    const { sub } = newPerson();
    const ids = [];
    for (const spelling of [sub, sub.toUpperCase(), `${sub} `, `${sub}\u0301`]) {
      corp.person = { sub: spelling };
      const { status, body } = await goRound(app, corp);
      expect(status, spelling).toBe(201);
      ids.push(body.user.id);
    }
    expect(new Set(ids).size).toBe(4);
  });
});

describe('Linking by address', () => {
  it('where it is allowed, links an address that both sides have verified', async () => {
    const at = await startAppForTest({ ...settingsOf(trusted), IDENTITY_LINKING: 'verified' });
    const user = await withAddress(at);
    trusted.person = newPerson({ email: user.email, email_verified: true });
    const { status, body } = await goRound(at, trusted);
    expect([status, body.user?.id]).toEqual([200, user.userId]);
    expect(await at.deps.db.identity.count({ where: { userId: user.userId } })).toBe(1);
    expect((await settledMails(at)).filter(({ to }) => to === `<${user.email}>`).length).toBeGreaterThan(1);
    const pending = await at.signUp({ email: newAddress() });
    const { pendingEmail } = await userOf(pending.userId, at);
    trusted.person = newPerson({ email: pendingEmail, email_verified: true });
    const other = await goRound(at, trusted);
    expect([other.status, other.body.user.id === pending.userId]).toEqual([201, false]);
  });

  it('where it is off, makes a new user without the address', async () => {
    const at = await startAppForTest({ ...settingsOf(trusted), IDENTITY_LINKING: 'off' });
    const user = await withAddress(at);
    trusted.person = newPerson({ email: user.email, email_verified: true });
    const { status, body } = await goRound(at, trusted);
    expect([status, body.user.id === user.userId]).toEqual([201, false]);
    expect((await userOf(body.user.id, at)).email).toBeNull();
  });
});

describe('Where sign-up is not open', () => {
  it('closed: nobody new comes in by a provider, and who is here does', async () => {
    const database = await createTestDatabase();
    onTestFinished(database.drop);
    const open = await startApp(settingsOf(trusted), { database });
    const known = newPerson({ email: newAddress(), email_verified: true });
    trusted.person = known;
    const { body } = await goRound(open, trusted);
    await open.stop();
    const closed = await startApp({ ...settingsOf(trusted), SIGNUP: 'closed' }, { database });
    try {
      trusted.person = newPerson({ email: newAddress(), email_verified: true });
      expectProblem(await goRound(closed, trusted), 'signup_closed');
      expect([await closed.deps.db.user.count(), await closed.deps.db.identity.count()]).toEqual([1, 1]);
      trusted.person = known;
      expect((await goRound(closed, trusted)).body.user.id).toBe(body.user.id);
    } finally {
      await closed.stop();
    }
  });

  it('verified: who comes with an address that is not vouched for confirms it first', async () => {
    const at = await startAppForTest({ ...settingsOf(trusted, corp), SIGNUP: 'verified' });
    const email = newAddress();
    corp.person = newPerson({ email, email_verified: true });
    const { status, body } = await goRound(at, corp);
    expect([status, body]).toMatchObject([201, { status: 'verification_sent' }]);
    expect(body).not.toHaveProperty('access_token');
    expectProblem(await goRound(at, corp), 'email_unverified');
    expect(await at.deps.db.session.count()).toBe(0);
    await confirm(at, email);
    const confirmed = await goRound(at, corp);
    expect([confirmed.status, confirmed.body.user.email]).toEqual([200, email]);
    trusted.person = newPerson({ email: newAddress(), email_verified: true });
    expect((await goRound(at, trusted)).body).toHaveProperty('access_token');
  });

  it('verified: who did not confirm it in time may begin again', async () => {
    const at = await startAppForTest({ ...settingsOf(corp), SIGNUP: 'verified' });
    corp.person = newPerson();
    const { body } = await goRound(at, corp);
    expectProblem(await goRound(at, corp), 'email_unverified');
    await at.deps.db.user.update({ where: { id: body.user.id }, data: { pendingUntil: new Date(Date.now() - 1000) } });
    expect((await goRound(at, corp)).body.status).toBe('verification_sent');
  });
});
