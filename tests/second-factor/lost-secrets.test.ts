import { beforeEach, describe, expect, it } from 'vitest';
import { newKeyMaterial } from '../../src/keys/material.js';
import { labelOf } from '../../src/keys/signing-keys.js';
import { checkTotps } from '../../src/second-factor/doctor.js';
import { goodPassword as password, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf } from '../support/second-factor.js';

/** What is left after "If AUTH_SECRET is lost": a data key, but another one. */
async function loseDataKey({ deps: { db, box, keys } }: TestApp): Promise<void> {
  const facts = { id: 'AAAAAAAAAAAA', purpose: 'data', algorithm: 'HS256' };
  const sealed = new Uint8Array(box.seal(await newKeyMaterial('HS256'), labelOf(facts)));
  await db.signingKey.deleteMany({ where: { purpose: 'data' } });
  await db.signingKey.create({ data: { ...facts, sealed, activeAt: new Date() } });
  await keys.reload();
}

const logIn = (app: TestApp, { username }: SignedUp, more: object = {}) =>
  app.http.post('/auth/login').send({ username, password, ...more });
const second = (app: TestApp, login_token: string, code: string) =>
  app.http.post('/auth/login/second-factor').send({ login_token, code });
const warnings = (app: TestApp) => app.logs.filter(({ msg }) => /no data key opens/.test(String(msg)));

describe('An authenticator app whose data key is lost', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await startApp();
    return app.stop;
  });

  it('has no right code, and recovery codes go on', async () => {
    const user = await app.signUp();
    const { id, secret, recoveryCodes } = await addTotp(app, user);
    expect(await checkTotps(app.config, app.deps.database)).toMatchObject([{ status: 'ok' }]);
    await loseDataKey(app);
    const token = (await logIn(app, user).expect(403)).body.login_token;
    expectProblem(await second(app, token, codeOf(secret)), 'invalid_code');
    expectProblem(await logIn(app, user, { code: codeOf(secret) }), 'invalid_credentials');
    expect((await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } })).wrongCodes).toBe(2);
    const { body } = await second(app, token, recoveryCodes[0] ?? '').expect(200);

    const bearer = { Authorization: `Bearer ${body.access_token}` };
    const again = (code: string) => app.http.post('/auth/reauthenticate').set(bearer).send({ password, code });
    expectProblem(await again(codeOf(secret)), 'invalid_code');
    expect(warnings(app)).toMatchObject([{ level: 40, totpId: id }]);
    expect(await checkTotps(app.config, app.deps.database)).toMatchObject([
      { check: 'authenticator apps', status: 'warning', detail: 'no data key opens 1 of 1' },
    ]);
    await app.http.delete(`/me/totp/${id}`).set(bearer).send({}).expect(204);
    const { secret: next } = await addTotp(app, { ...user, bearer, refreshToken: body.refresh_token });
    await logIn(app, user, { code: codeOf(next) }).expect(200);
  });

  it('cannot be confirmed, if it was waiting for its first code', async () => {
    const user = await app.signUp();
    const { body } = await app.http.post('/me/totp').set(user.bearer).send({ password }).expect(201);
    await loseDataKey(app);
    const confirm = app.http.post(`/me/totp/${body.id}/confirm`).set(user.bearer);
    expectProblem(await confirm.send({ code: codeOf(body.secret) }), 'invalid_code');
  });

  it('tells with SECOND_FACTOR_PROMPT=with-password no more than any other', async () => {
    const app = await startAppForTest({ SECOND_FACTOR_PROMPT: 'with-password' });
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    await loseDataKey(app);
    for (const more of [{ code: codeOf(secret) }, {}, { password: 'not the password' }])
      expectProblem(await logIn(app, user, more), 'invalid_credentials');
  });
});
