import { expect, it } from 'vitest';
import { goodPassword as password, startAppForTest } from '../support/app.js';
import { limitsOn, newAddress } from '../support/limits.js';
import { confirm, mailTo } from '../support/mails.js';
import { addPasskey, answerOf } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf } from '../support/second-factor.js';

it('whoever has stolen the password alone uses up no login of a known device, a passkey, or with a code; a reset frees the rest', async () => {
  const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_LOGINS: '3/15m' });
  const email = 'ada@example.com';
  const user = await app.signUp({ email });
  await confirm(app, email);
  const { secret, bearer } = await addTotp(app, user);
  const { authenticator } = await addPasskey(app, { bearer });
  const send = (path: string, body: object) => app.http.post(path).set('X-Forwarded-For', newAddress()).send(body);
  const logIn = async (more: object = {}) => {
    await app.deps.db.totp.updateMany({ data: { lastStep: 0 } });
    return send('/auth/login', { username: user.username, password, ...more });
  };
  const own = await logIn({ code: codeOf(secret), remember_device: true });
  const { device_token } = own.body;
  for (let n = 0; n < 3; n++) expectProblem(await logIn(), 'second_factor_required');
  expectProblem(await logIn(), 'rate_limited');

  expect((await logIn({ device_token })).body.acr).toBe('aal1');
  expect((await logIn({ device_token, code: codeOf(secret) })).body.acr).toBe('aal2');
  expect((await logIn({ code: codeOf(secret) })).body.acr).toBe('aal2');
  const passkey = await answerOf(app, authenticator);
  expect((await send('/auth/login/passkey', { passkey })).body.acr).toBe('phr');

  await send('/auth/password/forgot', { email }).expect(202);
  const { token } = await mailTo(app, email, /new password/);
  const next = 'the owner has a new passphrase';
  await send('/auth/password/reset', { token, password: next }).expect(204);
  expectProblem(await logIn({ password: next }), 'second_factor_required');
});

it('each known device, and each way to sign in, has its own limit all the same', async () => {
  const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_LOGINS: '2/15m' });
  const user = await app.signUp();
  const { authenticator } = await addPasskey(app, user);
  const byDevice = () =>
    app.http.post('/auth/login').send({ username: user.username, password, device_token: user.deviceToken });
  const byPasskey = async () =>
    app.http.post('/auth/login/passkey').send({ passkey: await answerOf(app, authenticator) });
  for (const way of [byDevice, byPasskey]) {
    for (let n = 0; n < 2; n++) expect((await way()).status).toBe(200);
    expectProblem(await way(), 'rate_limited');
  }
});
