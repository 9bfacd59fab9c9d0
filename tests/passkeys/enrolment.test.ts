import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createAuthenticator, flag } from '../support/authenticator.js';
import { confirm, settledMails } from '../support/mails.js';
import { addPasskey, creationOptions, signInChallenge, signInWith } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp } from '../support/second-factor.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

type Bearer = SignedUp['bearer'];
const add = (bearer: Bearer, passkey: unknown, more: object = {}) =>
  app.http
    .post('/me/passkeys')
    .set(bearer)
    .send({ passkey, ...more });
const askOptions = (bearer: Bearer, body: object = {}) => app.http.post('/me/passkeys/options').set(bearer).send(body);
const methods = async (bearer: Bearer) => (await app.http.get('/me/sign-in-methods').set(bearer).expect(200)).body;
const remove = ({ bearer, password }: Pick<SignedUp, 'bearer' | 'password'>, id: string) =>
  app.http.delete(`/me/passkeys/${id}`).set(bearer).send({ password });
const bearerOf = (body: { access_token: string }): Bearer => ({ Authorization: `Bearer ${body.access_token}` });
const anotherSession = async ({ username, password }: SignedUp) =>
  bearerOf((await app.http.post('/auth/login').send({ username, password }).expect(200)).body);
const eventsOf = async (userId: string) =>
  (await app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: { id: 'asc' } })).map(({ action }) => action);

describe('Options for a new passkey', () => {
  it('need the password, or a fresh sign-in with two factors', async () => {
    const { bearer, password } = await app.signUp();
    expectProblem(await askOptions(bearer), 'validation_failed');
    expectProblem(await askOptions(bearer, { password: 'a wrong password, this' }), 'invalid_credentials');
    await askOptions(bearer, { password }).expect(200);
  });

  it('with a second factor need it, and the password is not enough', async () => {
    const user = await app.signUp();
    const { bearer } = await addTotp(app, user);
    expectProblem(await askOptions(user.bearer, { password: user.password }), 'insufficient_user_authentication');
    await askOptions(bearer).expect(200);
  });

  it('ask for a discoverable passkey with user verification, of one of our algorithms, without attestation', async () => {
    const { bearer, password, username } = await app.signUp();
    const { body } = await askOptions(bearer, { password }).expect(200);
    expect(body).toEqual({
      options: {
        challenge: expect.stringMatching(/^[\w-]{82}$/),
        rp: { id: 'localhost', name: 'localhost' },
        user: { id: expect.stringMatching(/^[\w-]{22}$/), name: username, displayName: username },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
        timeout: 600_000,
        attestation: 'none',
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        excludeCredentials: [],
      },
      expires_in: 600,
    });
  });

  it('name the passkeys that there are, and keep the handle of the first one', async () => {
    const user = await app.signUp();
    const { id, authenticator } = await addPasskey(app, user);
    const second = await creationOptions(app, user);
    expect(second.excludeCredentials).toEqual([
      { type: 'public-key', id: authenticator.credentialId, transports: ['internal'] },
    ]);
    expect(second.user.id).toBe(authenticator.userHandle);
    const imported = randomBytes(64);
    await app.deps.db.passkey.update({ where: { id }, data: { userHandle: imported } });
    expect((await creationOptions(app, user)).user.id).toBe(imported.toString('base64url'));
  });

  it('are not for a user with an unverified address', async () => {
    const { bearer, password } = await app.signUp({ email: 'unverified@example.com' });
    expectProblem(await askOptions(bearer, { password }), 'email_unverified');
  });
});

describe('A new passkey', () => {
  it('signs in, has a name, and is listed', async () => {
    const user = await app.signUp();
    const authenticator = createAuthenticator();
    const passkey = authenticator.create(await creationOptions(app, user), {
      aaguid: 'fbfc3007154e4ecc8c0b6e020557d7bd',
    });
    const { body } = await add(user.bearer, passkey, { name: 'Ada’s laptop' }).expect(201);
    const { recovery_codes, ...shown } = body;
    expect(shown).toEqual({
      id: expect.any(String),
      name: 'Ada’s laptop',
      credential_id: authenticator.credentialId,
      synced: true,
      aaguid: 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd',
      rp_id: 'localhost',
      created_at: expect.any(String),
      last_used_at: null,
    });
    const listed = await methods(user.bearer);
    expect(listed.passkeys).toEqual([shown]);
    expect(listed.user_handle).toBe(authenticator.userHandle);
    expect((await signInWith(app, authenticator)).status).toBe(200);
  });

  it('without a name is called Passkey', async () => {
    const user = await app.signUp();
    const passkey = createAuthenticator().create(await creationOptions(app, user));
    expect((await add(user.bearer, passkey)).body.name).toBe('Passkey');
  });

  it('does not turn the second factor on and ends no session, but half-done logins', async () => {
    const user = await app.signUp();
    const other = await anotherSession(user);
    const expiresAt = new Date(Date.now() + 60_000);
    const attempt = { userId: user.userId, hash: randomBytes(32), epoch: 0, amr: ['pwd'], expiresAt };
    await app.deps.db.loginAttempt.create({ data: attempt });
    await addPasskey(app, user);
    expect((await methods(user.bearer)).second_factor).toBe('off');
    await app.http.get('/welcome').set(other).expect(200);
    expect(await app.deps.db.loginAttempt.count({ where: { userId: user.userId } })).toBe(0);
    expect((await app.http.post('/auth/login').send({ username: user.username, password: user.password })).status).toBe(
      200,
    );
  });

  it('comes with recovery codes if there are none', async () => {
    const user = await app.signUp();
    const { recoveryCodes } = await addPasskey(app, user);
    expect(recoveryCodes).toHaveLength(10);
    expect((await addPasskey(app, user)).recoveryCodes).toEqual([]);
    expect((await methods(user.bearer)).recovery_codes.left).toBe(10);
    const withTotp = await app.signUp();
    const { bearer } = await addTotp(app, withTotp);
    expect((await addPasskey(app, { ...withTotp, bearer })).recoveryCodes).toEqual([]);
  });

  it('comes with new recovery codes if it is the first method: those that a thief of the password made are void', async () => {
    const user = await app.signUp();
    const { bearer, password, username } = user;
    const made = await app.http.post('/me/recovery-codes').set(bearer).send({ password }).expect(200);
    const { recoveryCodes } = await addPasskey(app, user);
    expect(recoveryCodes).toHaveLength(10);
    await app.http.patch('/me/sign-in-methods').set(bearer).send({ password, second_factor: 'any' }).expect(200);
    const logIn = (code: string) => app.http.post('/auth/login').send({ username, password, code });
    for (const code of made.body.recovery_codes) expectProblem(await logIn(code), 'invalid_credentials');
    expect((await logIn(recoveryCodes[0] ?? '')).body.acr).toBe('aal2');
  });

  it('is recorded and mailed', async () => {
    const email = 'added@example.com';
    const user = await app.signUp({ email });
    await confirm(app, email);
    await addPasskey(app, user);
    expect(await eventsOf(user.userId)).toEqual(expect.arrayContaining(['passkey.added', 'recovery_codes.created']));
    const subjects = (await settledMails(app)).filter(({ to }) => to === `<${email}>`).map(({ subject }) => subject);
    expect(subjects).toContain('A passkey was added');
  });

  it('is told in the export, without its key', async () => {
    const user = await app.signUp();
    const { id } = await addPasskey(app, user);
    const { body } = await app.http.get('/me/export').set(user.bearer).expect(200);
    expect(body.passkeys).toEqual([
      { id, name: 'Passkey', rp_id: 'localhost', synced: true, created_at: expect.any(String), last_used_at: null },
    ]);
  });

  it('is refused if it is registered already, for oneself and for another', async () => {
    const [one, other] = [await app.signUp(), await app.signUp()];
    const { authenticator } = await addPasskey(app, one);
    const { credentialId } = authenticator;
    for (const user of [one, other]) {
      const again = createAuthenticator().create(await creationOptions(app, user), { credentialId });
      expectProblem(await add(user.bearer, again), 'passkey_taken');
    }
    expect((await signInWith(app, authenticator)).body.user.id).toBe(one.userId);
  });

  it('is one of at most twenty, also if several come at once', async () => {
    const user = await app.signUp();
    for (let nth = 1; nth < 19; nth++) await addPasskey(app, user);
    const options = await Promise.all([0, 1, 2, 3].map(() => creationOptions(app, user)));
    const answers = await Promise.all(options.map((one) => add(user.bearer, createAuthenticator().create(one))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
    for (const refused of answers.filter(({ status }) => status === 409)) expectProblem(refused, 'too_many');
    expectProblem(await askOptions(user.bearer, { password: user.password }), 'too_many');
  });

  it.each<[string, Parameters<ReturnType<typeof createAuthenticator>['create']>[1]]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another RP ID', { rpId: 'evil.example' }],
    ['no user verification', { flags: flag.up | flag.at }],
    ['a frame of another site', { crossOrigin: true }],
    ['an answer to a sign-in', { type: 'webauthn.get' }],
    ['an attestation by a certificate', { attestation: { fmt: 'packed', attStmt: new Map([['x5c', []]]) } }],
  ])('is refused with %s', async (_, wrong) => {
    const user = await app.signUp();
    const passkey = createAuthenticator().create(await creationOptions(app, user), wrong);
    expectProblem(await add(user.bearer, passkey), 'invalid_passkey');
    expect((await methods(user.bearer)).passkeys).toEqual([]);
  });
});

describe('A challenge for a new passkey', () => {
  const stale: Record<string, (user: SignedUp) => Promise<{ challenge: string; user: { id: string } }>> = {
    'of another user': async () => creationOptions(app, await app.signUp()),
    'of another session of the user': async (user) =>
      creationOptions(app, { ...user, bearer: await anotherSession(user) }),
    'of a sign-in': async () => ({ challenge: await signInChallenge(app), user: { id: 'AAAA' } }),
    'made up': async () => ({ challenge: randomBytes(61).toString('base64url'), user: { id: 'AAAA' } }),
    'of before a new password': async (user) => {
      const options = await creationOptions(app, user);
      const body = { current_password: user.password, new_password: 'a wholly different battery staple' };
      await app.http.post('/me/password').set(user.bearer).send(body).expect(204);
      return options;
    },
    'of before the second factor was turned on': async (user) => {
      const options = await creationOptions(app, user);
      await addTotp(app, user);
      return options;
    },
  };
  it.each(Object.entries(stale))('is refused if it is %s', async (_, optionsOf) => {
    const user = await app.signUp();
    const passkey = createAuthenticator().create(await optionsOf(user));
    expectProblem(await add(user.bearer, passkey), 'challenge_expired');
  });

  it('is good once, also if twenty answers come at once', async () => {
    const user = await app.signUp();
    const options = await creationOptions(app, user);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => add(user.bearer, createAuthenticator().create(options))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const refused of answers.filter(({ status }) => status !== 201)) expectProblem(refused, 'challenge_expired');
  });

  it('serves no sign-in', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    const { challenge } = await creationOptions(app, user);
    const answer = app.http.post('/auth/login/passkey').send({ passkey: authenticator.get({ challenge }) });
    expectProblem(await answer, 'challenge_expired');
  });
});

describe('A passkey', () => {
  it('can be renamed by its user alone', async () => {
    const [user, other] = [await app.signUp(), await app.signUp()];
    const { id } = await addPasskey(app, user);
    const rename = (bearer: Bearer, name: string) => app.http.patch(`/me/passkeys/${id}`).set(bearer).send({ name });
    expect((await rename(user.bearer, 'My key').expect(200)).body).toMatchObject({ id, name: 'My key' });
    expectProblem(await rename(other.bearer, 'Mine'), 'not_found');
    expectProblem(await rename(user.bearer, ''), 'validation_failed');
    expectProblem(await rename(user.bearer, 'x'.repeat(65)), 'validation_failed');
    expect((await methods(user.bearer)).passkeys).toMatchObject([{ name: 'My key' }]);
  });

  it('is removed with proof by its user alone, which ends every other session', async () => {
    const [user, other] = [await app.signUp(), await app.signUp()];
    const { id } = await addPasskey(app, user);
    const bearer = await anotherSession(user);
    expectProblem(await app.http.delete(`/me/passkeys/${id}`).set(user.bearer).send({}), 'validation_failed');
    expectProblem(await remove(other, id), 'not_found');
    await remove(user, id).expect(204);
    expectProblem(await remove(user, id), 'not_found');
    await app.http.get('/welcome').set(user.bearer).expect(200);
    expectProblem(await app.http.get('/welcome').set(bearer), 'session_revoked');
    const listed = await methods(user.bearer);
    expect([listed.passkeys, listed.recovery_codes]).toEqual([[], null]);
    expect(await eventsOf(user.userId)).toContain('passkey.removed');
  });

  it('leaves the handle listed under which the browser has it, and which a first one gets', async () => {
    const user = await app.signUp();
    const { user_handle } = await methods(user.bearer);
    const { id, authenticator } = await addPasskey(app, user);
    expect(authenticator.userHandle).toBe(user_handle);
    await remove(user, id).expect(204);
    expect(await methods(user.bearer)).toMatchObject({ passkeys: [], user_handle });
  });

  it('leaves the second factor on while another method of it is there, and turns it off when it was the last', async () => {
    const user = await app.signUp();
    const [one, two] = [await addPasskey(app, user), await addPasskey(app, user)];
    const { body } = await signInWith(app, one.authenticator);
    const bearer = bearerOf(body);
    await app.http.patch('/me/sign-in-methods').set(bearer).send({ second_factor: 'any' }).expect(200);
    await app.http.delete(`/me/passkeys/${one.id}`).set(bearer).expect(204);
    expect((await methods(bearer)).second_factor).toBe('any');
    await app.http.delete(`/me/passkeys/${two.id}`).set(bearer).expect(204);
    expect((await methods(bearer)).second_factor).toBe('off');
  });

  it('stays if without it `passkey` could not be asked for', async () => {
    const user = await app.signUp();
    const [one, two] = [await addPasskey(app, user), await addPasskey(app, user)];
    const bearer = bearerOf((await signInWith(app, one.authenticator)).body);
    await app.http.patch('/me/sign-in-methods').set(bearer).send({ second_factor: 'passkey' }).expect(200);
    await app.deps.db.recoveryCode.deleteMany({ where: { userId: user.userId } });
    expectProblem(await app.http.delete(`/me/passkeys/${two.id}`).set(bearer), 'last_sign_in_method');
    expect((await methods(bearer)).passkeys).toHaveLength(2);
  });

  it('stays if it is the last way in: one of two removals at once', async () => {
    const user = await app.signUp();
    const [one, two] = [await addPasskey(app, user), await addPasskey(app, user)];
    const bearer = bearerOf((await signInWith(app, one.authenticator)).body);
    await app.http.delete('/me/password').set(bearer).expect(204);
    const answers = await Promise.all([one, two].map(({ id }) => app.http.delete(`/me/passkeys/${id}`).set(bearer)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect((await methods(bearer)).passkeys).toHaveLength(1);
  });

  it('goes with its user', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    await app.http.delete('/me').set(user.bearer).send({ password: user.password }).expect(204);
    const { credentialId } = authenticator;
    const next = await app.signUp();
    const again = createAuthenticator().create(await creationOptions(app, next), { credentialId });
    await add(next.bearer, again).expect(201);
  });
});

describe('Where everybody must be phishing-resistant (REQUIRED_ACR=phr)', () => {
  it('a first passkey is added by the password, and a further one, or a removal, by a passkey alone', async () => {
    const own = await startAppForTest({ REQUIRED_ACR: 'phr' });
    const user = await own.signUp();
    expectProblem(await own.http.get('/welcome').set(user.bearer), 'insufficient_user_authentication');
    const first = await addPasskey(own, user);
    const { bearer, password } = user;
    const again = () => own.http.post('/me/passkeys/options').set(bearer).send({ password });
    expectProblem(await again(), 'insufficient_user_authentication');
    expectProblem(
      await own.http.delete(`/me/passkeys/${first.id}`).set(bearer).send({ password }),
      'insufficient_user_authentication',
    );
    const { body } = await signInWith(own, first.authenticator);
    const strong = bearerOf(body);
    await own.http.get('/welcome').set(strong).expect(200);
    const second = await addPasskey(own, { bearer: strong, password });
    await own.http.delete(`/me/passkeys/${second.id}`).set(strong).expect(204);
    expectProblem(await own.http.delete(`/me/passkeys/${first.id}`).set(strong), 'last_sign_in_method');
  });

  it('options of before the first passkey add no second one without it', async () => {
    const own = await startAppForTest({ REQUIRED_ACR: 'phr' });
    const user = await own.signUp();
    const [one, two] = [await creationOptions(own, user), await creationOptions(own, user)];
    const send = (options: typeof one) =>
      own.http
        .post('/me/passkeys')
        .set(user.bearer)
        .send({ passkey: createAuthenticator().create(options) });
    await send(one).expect(201);
    expectProblem(await send(two), 'insufficient_user_authentication');
  });
});

describe('An access token by passkey', () => {
  it('says so', async () => {
    const { authenticator } = await addPasskey(app, await app.signUp());
    const claims = jwt.decode((await signInWith(app, authenticator)).body.access_token) as jwt.JwtPayload;
    expect(claims).toMatchObject({ acr: 'phr', amr: ['swk', 'user', 'mfa'] });
  });
});
