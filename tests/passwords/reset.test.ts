import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { mailTo, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { countedStatements } from '../support/statements.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'off' });
});
afterAll(() => app.stop());

const forgot = (email: unknown) => app.http.post('/auth/password/forgot').send({ email });
const reset = (token: unknown, password = newPassword) =>
  app.http.post('/auth/password/reset').send({ token, password });
const logIn = (username: string, password: string) => app.http.post('/auth/login').send({ username, password });
const events = (userId: string, action: string) => app.deps.db.auditEvent.count({ where: { userId, action } });
const newPassword = 'a wholly new passphrase';

let names = 0;
async function person(): Promise<SignedUp & { email: string }> {
  const email = `forgetful-${++names}@example.com`;
  return { ...(await app.signUp({ email })), email };
}

async function resetToken({ email }: { email: string }): Promise<string> {
  await forgot(email).expect(202);
  return (await mailTo(app, email, /^Set a new password$/)).token;
}

describe('POST /auth/password/forgot', () => {
  it('answers the same for known, unknown, verified and disabled users, and sends mail only to those who may reset', async () => {
    const [plain, verified, disabled] = [await person(), await person(), await person()];
    const { token } = await mailTo(app, verified.email);
    await app.http.post('/auth/email/verify').send({ token }).expect(204);
    await app.deps.db.user.update({ where: { id: disabled.userId }, data: { disabledAt: new Date() } });
    const before = (await settledMails(app)).length;
    const answers = [];
    for (const email of [plain.email, verified.email, disabled.email, 'nobody@example.com'])
      answers.push(await forgot(email));
    for (const { status, text, headers } of answers) {
      expect([status, text]).toEqual([202, '']);
      expect(Object.keys(headers)).toEqual(Object.keys(answers[0]?.headers ?? {}));
    }
    const mails = (await settledMails(app)).slice(before);
    expect(mails.map(({ to }) => to).sort()).toEqual([plain, verified].map(({ email }) => `<${email}>`).sort());
    // An unknown address is not stored either.
    expect(await app.deps.db.outbox.count({ where: { recipient: 'nobody@example.com' } })).toBe(0);
  });

  it('takes one statement for a known and for an unknown address', async () => {
    const { email } = await person();
    for (const asked of [email, 'nobody@example.com']) {
      await settledMails(app);
      expect(await countedStatements(app, () => forgot(asked))).toEqual([202, 1]);
    }
  });

  it('sends the mail to the stored address, not to the typed one', async () => {
    const { email } = await person();
    await forgot(email.toUpperCase()).expect(202);
    expect((await mailTo(app, email, /^Set/)).to).toBe(`<${email}>`);
  });
});

describe('POST /auth/password/reset', () => {
  it('sets the password, ends every session, verifies the address, and informs the user', async () => {
    const user = await person();
    const second = await logIn(user.username, user.password).expect(200);
    const token = await resetToken(user);
    await reset(token).expect(204, '');
    for (const access of [user.accessToken, second.body.access_token])
      expectProblem(await app.http.get('/welcome').set('Authorization', `Bearer ${access}`), 'session_revoked');
    for (const refresh_token of [user.refreshToken, second.body.refresh_token])
      expectProblem(await app.http.post('/auth/refresh').send({ refresh_token }), 'session_revoked');
    await logIn(user.username, user.password).expect(401);
    const { body } = await logIn(user.email, newPassword).expect(200);
    expect(body.user.email_verified).toBe(true);
    expect((await mailTo(app, user.email, /was reset/)).text).toMatch(/every session has ended/);
    expect([await events(user.userId, 'password.reset'), await events(user.userId, 'email.verified')]).toEqual([1, 1]);
  });

  it('works once, with one audit event, for 20 requests at once with different passwords', async () => {
    const user = await person();
    const token = await resetToken(user);
    const passwords = Array.from({ length: 20 }, (_, n) => `passphrase of number ${n}`);
    const answers = await Promise.all(passwords.map((password) => reset(token, password)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(400)]);
    const winner = answers.findIndex(({ status }) => status === 204);
    for (const [n, password] of passwords.entries())
      await logIn(user.username, password).expect(n === winner ? 200 : 401);
    expect(await events(user.userId, 'password.reset')).toBe(1);
    expect(
      (await settledMails(app)).filter(({ to, subject }) => to === `<${user.email}>` && /was reset/.test(subject)),
    ).toHaveLength(1);
  });

  it('accepts only the newest of three tokens', async () => {
    const user = await person();
    for (let n = 0; n < 3; n++) await forgot(user.email).expect(202);
    const mails = (await settledMails(app)).filter(
      ({ to, subject }) => to === `<${user.email}>` && /^Set/.test(subject),
    );
    expect(mails).toHaveLength(3);
    const [first, second, third] = mails.map(({ token }) => token);
    for (const dead of [first, second]) expectProblem(await reset(dead), 'invalid_one_time_token');
    await reset(third).expect(204);
  });

  it('does not use up a token if the new password is refused', async () => {
    const user = await person();
    const token = await resetToken(user);
    for (const password of ['short', 'passwordpassword', `${user.username}-${user.username}`]) {
      const answer = await reset(token, password);
      expectProblem(answer, 'validation_failed');
      expect(answer.body.errors[0].path).toBe('password');
    }
    await reset(token).expect(204);
  });

  it.each(['', 'a'.repeat(43), '\0', ' ', '%'])('answers 400 invalid_token to %j', async (token) => {
    const answer = await reset(token);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_token']);
    expectProblem(answer, 'invalid_one_time_token');
  });

  it.each([null, undefined, 7, [], {}])('refuses %j as a token', async (token) => {
    expectProblem(await reset(token), 'validation_failed');
  });

  it.each([
    [
      'after a change of password',
      (user: SignedUp) =>
        app.http
          .post('/me/password')
          .set(user.bearer)
          .send({ current_password: user.password, new_password: newPassword })
          .expect(204),
    ],
    [
      'after 30 minutes',
      (user: SignedUp) =>
        app.deps.db
          .$executeRaw`UPDATE one_time_token SET expires_at = expires_at - interval '30 minutes' WHERE user_id = ${user.userId}::uuid`,
    ],
    [
      'for a disabled user',
      (user: SignedUp) => app.deps.db.user.update({ where: { id: user.userId }, data: { disabledAt: new Date() } }),
    ],
    [
      'after the user was deleted',
      (user: SignedUp) => app.http.delete('/me').set(user.bearer).send({ password: user.password }).expect(204),
    ],
  ])('refuses a token %s', async (_when, change) => {
    const user = await person();
    const token = await resetToken(user);
    await change(user);
    expectProblem(await reset(token, 'yet another passphrase'), 'invalid_one_time_token');
  });

  it('accepts a token of 29 minutes', async () => {
    const user = await person();
    const token = await resetToken(user);
    await app.deps.db.$executeRaw`UPDATE one_time_token SET expires_at = expires_at - interval '29 minutes'`;
    await reset(token).expect(204);
  });

  it('refuses a token that verifies an address', async () => {
    const user = await person();
    const { token } = await mailTo(app, user.email);
    expectProblem(await reset(token), 'invalid_one_time_token');
    await app.http.post('/auth/email/verify').send({ token }).expect(204);
  });

  it('changes nothing if it fails half-way, and the token still works', async () => {
    const user = await person();
    const token = await resetToken(user);
    await app.deps.db
      .$executeRaw`ALTER TABLE audit_event ADD CONSTRAINT nothing_more CHECK (action <> 'password.reset') NOT VALID`;
    await reset(token).expect(500);
    await app.deps.db.$executeRaw`ALTER TABLE audit_event DROP CONSTRAINT nothing_more`;
    await logIn(user.username, goodPassword).expect(200);
    await reset(token).expect(204);
  });
});
