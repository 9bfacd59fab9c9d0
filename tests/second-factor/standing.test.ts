import { describe, expect, it, onTestFinished } from 'vitest';
import { roles } from '../../src/permissions/permissions.js';
import { goodPassword as password, type SignedUp, startAppForTest, type TestApp } from '../support/app.js';
import { addPasskey, signInWith } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';

type Bearer = SignedUp['bearer'];

const bearerOf = ({ access_token }: { access_token: string }): Bearer => ({ Authorization: `Bearer ${access_token}` });

async function signUpAdmin(app: TestApp): Promise<SignedUp> {
  return withRole(app, await app.signUp(), 'admin');
}

/** A user whose roles give more than everybody has. Roles are code, so one of it gets a permission for this test. */
async function supporterOf(app: TestApp): Promise<SignedUp> {
  const given = roles.find(({ name }) => name === 'editor')?.permissions ?? [];
  given.push('users:read');
  onTestFinished(() => void given.pop());
  const user = await app.signUp();
  // What roles give is remembered, so these are none that another test has.
  await app.deps.db.user.update({ where: { id: user.userId }, data: { roles: ['editor', 'user', 'editor'] } });
  return { ...user, bearer: await logIn(app, user) };
}

async function logIn({ http }: TestApp, { username }: SignedUp, code?: string): Promise<Bearer> {
  return bearerOf((await http.post('/auth/login').send({ username, password, code }).expect(200)).body);
}

/** The codes of before may be used again. */
async function forgetSteps({ deps }: TestApp): Promise<void> {
  await deps.db.totp.updateMany({ data: { lastStep: 0 } });
}

/** Whatever would add a method, remove one, or prepare it. */
function changesOf({ http }: TestApp, bearer: Bearer, { passkey, totp }: { passkey?: string; totp?: string } = {}) {
  return [
    () => http.post('/me/passkeys/options').set(bearer).send({ password }),
    () => http.post('/me/totp').set(bearer).send({ password }),
    () => http.post('/me/recovery-codes').set(bearer).send({ password }),
    () => http.patch('/me/sign-in-methods').set(bearer).send({ password, second_factor: 'passkey' }),
    () => http.delete('/me/password').set(bearer).send({ password }),
    ...(passkey ? [() => http.delete(`/me/passkeys/${passkey}`).set(bearer).send({ password })] : []),
    ...(totp ? [() => http.delete(`/me/totp/${totp}`).set(bearer).send({ password })] : []),
  ];
}

describe.each(['aal2', 'phr'])('With ADMIN_ACR=%s,', (acr) => {
  it('the password alone changes no method of an admin who has a passkey, and opens nothing under /admin/', async () => {
    const app = await startAppForTest({ ADMIN_ACR: acr });
    const admin = await signUpAdmin(app);
    const { id, authenticator } = await addPasskey(app, admin);
    const thief = await logIn(app, admin);
    for (const change of changesOf(app, thief, { passkey: id })) {
      const answer = await change();
      expectProblem(answer, 'insufficient_user_authentication');
      expect(answer.body.acr_values).toBe(acr);
    }
    expectProblem(await app.http.get('/admin/users').set(thief), 'insufficient_user_authentication');
    await app.http.delete('/me/trusted-devices').set(thief).expect(204);
    const strong = bearerOf((await signInWith(app, authenticator)).body);
    await addPasskey(app, { bearer: strong, password });
    await app.http.delete(`/me/passkeys/${id}`).set(strong).expect(204);
  });

  it('so it is for who comes to /admin/ by another role', async () => {
    const app = await startAppForTest({ ADMIN_ACR: acr });
    const supporter = await supporterOf(app);
    const { id, authenticator } = await addPasskey(app, supporter);
    const thief = await logIn(app, supporter);
    for (const change of changesOf(app, thief, { passkey: id }))
      expectProblem(await change(), 'insufficient_user_authentication');
    const strong = bearerOf((await signInWith(app, authenticator)).body);
    await app.http.get('/admin/users').set(strong).expect(200);
  });

  it('other users change their methods as before', async () => {
    const app = await startAppForTest({ ADMIN_ACR: acr });
    const user = await app.signUp();
    await addPasskey(app, user);
    await addPasskey(app, user);
    await app.http.post('/me/recovery-codes').set(user.bearer).send({ password }).expect(200);
  });
});

describe('With ADMIN_ACR=phr,', () => {
  it('a phished code adds no passkey to an admin who has one, and removes none', async () => {
    const app = await startAppForTest({ ADMIN_ACR: 'phr' });
    const admin = await signUpAdmin(app);
    const { secret, bearer, id: totp } = await addTotp(app, admin);
    const { id } = await addPasskey(app, { bearer, password });
    await forgetSteps(app);
    const thief = await logIn(app, admin, codeOf(secret));
    for (const change of changesOf(app, thief, { passkey: id, totp }))
      expectProblem(await change(), 'insufficient_user_authentication');
  });

  it('an enrolment of before the first passkey is no way around it', async () => {
    const app = await startAppForTest({ ADMIN_ACR: 'phr' });
    const admin = await signUpAdmin(app);
    const { body } = await app.http.post('/me/totp').set(admin.bearer).send({ password }).expect(201);
    await addPasskey(app, admin);
    const send = { code: codeOf(body.secret) };
    expectProblem(
      await app.http.post(`/me/totp/${body.id}/confirm`).set(admin.bearer).send(send),
      'insufficient_user_authentication',
    );
  });
});

describe('Who has an app while the second factor is off', () => {
  async function withUnusedApp(environment: Record<string, string>) {
    const app = await startAppForTest(environment);
    const user = await app.signUp();
    const { secret, recoveryCodes } = await addTotp(app, user);
    // As if it had been turned off before the server asked for more.
    await app.deps.db.user.update({ where: { id: user.userId }, data: { secondFactor: 'off' } });
    await forgetSteps(app);
    const bearer = await logIn(app, user);
    const prove = (code: string) => app.http.post('/auth/reauthenticate').set(bearer).send({ password, code });
    return { app, user, secret, recoveryCodes, bearer, prove };
  }

  it.each(['aal2', 'phr'])('adds with REQUIRED_ACR=%s no passkey by the password alone, but by a code', async (acr) => {
    const { app, bearer, secret, prove } = await withUnusedApp({ REQUIRED_ACR: acr });
    const refused = await app.http.post('/me/passkeys/options').set(bearer).send({ password });
    expectProblem(refused, 'insufficient_user_authentication');
    expect(refused.body.acr_values).toBe('aal2');
    const { body } = await prove(codeOf(secret)).expect(200);
    expect(body).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    const { authenticator } = await addPasskey(app, { bearer: bearerOf(body) });
    await app.http
      .get('/welcome')
      .set(bearerOf((await signInWith(app, authenticator)).body))
      .expect(200);
  });

  it('turns it on again by a code, which counts once', async () => {
    const { app, secret, prove } = await withUnusedApp({ REQUIRED_ACR: 'aal2' });
    const code = codeOf(secret);
    const strong = bearerOf((await prove(code).expect(200)).body);
    expectProblem(await prove(code), 'invalid_code');
    const on = await app.http.patch('/me/sign-in-methods').set(strong).send({ second_factor: 'any' });
    expect([on.status, on.body.second_factor]).toEqual([200, 'any']);
  });

  it('gets nothing for a wrong code, and no more than before for a recovery code or none', async () => {
    const { app, user, bearer, secret, recoveryCodes, prove } = await withUnusedApp({});
    expectProblem(await prove(wrongCodeFor(secret)), 'invalid_code');
    expect((await prove(recoveryCodes[0] ?? '').expect(200)).body.acr).toBe('aal1');
    const { body } = await app.http.post('/auth/reauthenticate').set(bearer).send({ password }).expect(200);
    expect(body.acr).toBe('aal1');
    const row = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expect([row.wrongCodes, await app.deps.db.recoveryCode.count({ where: { userId: user.userId } })]).toEqual([0, 10]);
  });
});
