import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm, mailsOf, mailTo, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'off' });
});
afterAll(() => app.stop());

const verify = (token: unknown, on = app) => on.http.post('/auth/email/verify').send({ token });
const resend = (body: object, on = app) => on.http.post('/auth/email/resend').send(body);
const me = async (user: { bearer: object }, on = app) => (await on.http.get('/me').set(user.bearer as never)).body;
const events = (userId: string, action: string, on = app) => on.deps.db.auditEvent.count({ where: { userId, action } });

let names = 0;
const newAddress = () => `person-${++names}@example.com`;

describe('a sign-up in open mode', () => {
  it('sends a link to its address, which verifies the address', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    const mail = await mailTo(app, email);
    expect(mail.subject).toBe('Confirm your e-mail address');
    expect(mail.text).toContain(`Hello ${user.username},`);
    expect(mail.text).toContain(`http://localhost:3000/verify-email?token=${mail.token}\r\n`);
    expect(mail.token).toMatch(/^[\w-]{43}$/);
    expect((await me(user)).email_verified).toBe(false);
    await verify(mail.token).expect(204);
    expect((await me(user)).email_verified).toBe(true);
    expect(await events(user.userId, 'email.verified')).toBe(1);
  });

  it('sends no mail if it has no address or fails', async () => {
    const before = (await settledMails(app)).length;
    const email = newAddress();
    await app.signUp({ email });
    await app.signUp();
    await app.http.post('/auth/signup').send({ username: 'twice-mailed', password: goodPassword, email }).expect(409);
    expect(await settledMails(app)).toHaveLength(before + 1);
  });
});

describe('POST /auth/email/verify', () => {
  it('works once, with one audit event, for 20 requests at once', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    const { token } = await mailTo(app, email);
    const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(400)]);
    for (const answer of answers.filter(({ status }) => status === 400))
      expectProblem(answer, 'invalid_one_time_token');
    expect(await events(user.userId, 'email.verified')).toBe(1);
  });

  it.each(['', 'x', 'a'.repeat(43), '\0', '../..', 'null'])(
    'answers 400 invalid_token to %j, without a challenge',
    async (token) => {
      const answer = await verify(token);
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_token']);
      expectProblem(answer, 'invalid_one_time_token');
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    },
  );

  it.each([null, undefined, 7, ['a'], {}, 'a'.repeat(201)])('refuses %j as a token', async (token) => {
    expectProblem(await verify(token), 'validation_failed');
  });

  it('refuses tokens of another purpose, other kinds of token, and tokens in the query', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    await app.http.post('/auth/password/forgot').send({ email }).expect(202);
    const { token } = await mailTo(app, email, /password/);
    for (const wrong of [token, user.refreshToken, user.deviceToken])
      expectProblem(await verify(wrong), 'invalid_one_time_token');
    expectProblem(await app.http.post(`/auth/email/verify?token=${token}`).send({}), 'invalid_request');
    expect((await me(user)).email_verified).toBe(false);
    await app.http.post('/auth/password/reset').send({ token, password: 'a wholly new passphrase' }).expect(204);
  });

  it('refuses a token older than 24 hours, and accepts one that is a little younger', async () => {
    for (const [age, status] of [
      ['24 hours', 400],
      ['23 hours 59 minutes', 204],
    ] as const) {
      const email = newAddress();
      const user = await app.signUp({ email });
      const { token } = await mailTo(app, email);
      await app.deps.db.$executeRawUnsafe(
        `UPDATE one_time_token SET expires_at = expires_at - interval '${age}' WHERE user_id = '${user.userId}'`,
      );
      await verify(token).expect(status);
    }
  });

  it('refuses the token of a disabled user', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    const { token } = await mailTo(app, email);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { disabledAt: new Date() } });
    expectProblem(await verify(token), 'invalid_one_time_token');
  });
});

describe('POST /auth/email/resend', () => {
  it('sends a new link to the user of the access token, and the old link stops working', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    const first = await mailTo(app, email);
    await resend({}).set(user.bearer).expect(202, '');
    const second = await mailTo(app, email);
    expect(second.id).not.toBe(first.id);
    expectProblem(await verify(first.token), 'invalid_one_time_token');
    await verify(second.token).expect(204);
  });

  it('sends a new link for an unverified address, typed in any case, to the stored address', async () => {
    const email = newAddress();
    await app.signUp({ email });
    await mailTo(app, email);
    await resend({ email: email.toUpperCase() }).expect(202, '');
    const all = (await settledMails(app)).filter(({ to }) => to.toLowerCase() === `<${email}>`);
    expect(all.map(({ to }) => to)).toEqual([`<${email}>`, `<${email}>`]);
    await verify(all.at(-1)?.token).expect(204);
  });

  it('answers the same for unknown, verified and disabled users, and sends them no mail', async () => {
    const [verified, disabled] = [newAddress(), newAddress()];
    const users = [await app.signUp({ email: verified }), await app.signUp({ email: disabled })];
    await verify((await mailTo(app, verified)).token).expect(204);
    await app.deps.db.user.update({ where: { id: users[1]?.userId as string }, data: { disabledAt: new Date() } });
    const before = (await settledMails(app)).length;
    const answers = [];
    for (const email of [verified, disabled, newAddress()]) answers.push(await resend({ email }));
    for (const { status, text, headers } of answers) {
      expect([status, text]).toEqual([202, '']);
      expect(Object.keys(headers)).toEqual(Object.keys(answers[0]?.headers ?? {}));
    }
    expect(await settledMails(app)).toHaveLength(before);
    expect(await app.deps.db.outbox.count({ where: { purpose: 'resend', sentAt: null } })).toBe(0);
  });

  it('answers 401 without a token and an address, and says why a token is refused', async () => {
    expectProblem(await resend({}), 'unauthenticated');
    const user = await app.signUp({ email: newAddress() });
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    expectProblem(await resend({}).set(user.bearer), 'session_revoked');
    await resend({ email: newAddress() }).set(user.bearer).expect(202);
  });
});

describe('a change of e-mail', () => {
  const change = (user: { bearer: object; password: string }, email: string) =>
    app.http
      .patch('/me')
      .set(user.bearer as never)
      .send({ email, password: user.password });

  it('takes effect when its link is opened, and the old address is informed twice', async () => {
    const [from, to] = [newAddress(), newAddress()];
    const user = await app.signUp({ email: from });
    await verify((await mailTo(app, from)).token).expect(204);
    const answer = await change(user, to).expect(200);
    expect([answer.body.email, answer.body.email_verified]).toEqual([from, true]);
    expect((await mailTo(app, from)).subject).toBe('A change of your e-mail address was asked for');
    await verify((await mailTo(app, to)).token).expect(204);
    expect(await me(user)).toMatchObject({ email: to, email_verified: true });
    expect((await mailTo(app, from)).subject).toBe('Your e-mail address was changed');
    expect([await events(user.userId, 'email.changed'), await events(user.userId, 'email.verified')]).toEqual([1, 1]);
    for (const [username, status] of [
      [from, 401],
      [to, 200],
    ] as const)
      await app.http.post('/auth/login').send({ username, password: user.password }).expect(status);
  });

  it('succeeds for one of two users who wait for the same address, even at the same moment', async () => {
    const to = newAddress();
    const users = [await app.signUp({ email: newAddress() }), await app.signUp({ email: newAddress() })];
    for (const user of users) await change(user, to).expect(200);
    const mails = (await settledMails(app)).filter((mail) => mail.to === `<${to}>`);
    expect(mails).toHaveLength(2);
    const answers = await Promise.all(mails.map(({ token }) => verify(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 400]);
    expect(await app.deps.db.user.count({ where: { emailKey: to } })).toBe(1);
  });

  it('to an address that is taken looks the same, and informs only its owner', async () => {
    const [taken, free] = [newAddress(), newAddress()];
    await app.signUp({ email: taken });
    const user = await app.signUp({ email: newAddress() });
    await settledMails(app);
    const answers = [await change(user, free), await change(user, taken)];
    for (const { body } of answers) delete body.updated_at;
    expect(answers[1]?.body).toEqual(answers[0]?.body);
    const mail = await mailTo(app, taken);
    expect([mail.subject, mail.token]).toEqual(['You already have an account here', '']);
    // The export shows the tokens of a user, so there is one as for a free address; but no mail has it.
    const tokens = await app.deps.db.oneTimeToken.findMany({ where: { userId: user.userId } });
    expect(tokens.map(({ emailKey }) => emailKey)).toEqual([taken]);
    const mails = JSON.stringify((await settledMails(app)).filter(({ to }) => to === `<${taken}>`));
    for (const { hash } of tokens)
      for (const [word] of mails.matchAll(/[\w-]{43}/g))
        expect(createHash('sha256').update(word).digest().equals(Buffer.from(hash))).toBe(false);
  });

  it('is withdrawn after a change of password, and its link stops working', async () => {
    const to = newAddress();
    const user = await app.signUp({ email: newAddress() });
    await change(user, to).expect(200);
    const { token } = await mailTo(app, to);
    const passwords = { current_password: user.password, new_password: 'a wholly new passphrase' };
    await app.http.post('/me/password').set(user.bearer).send(passwords).expect(204);
    expectProblem(await verify(token), 'invalid_one_time_token');
    await resend({}).set(user.bearer).expect(202);
    expect((await settledMails(app)).filter((mail) => mail.to === `<${to}>`)).toHaveLength(1);
  });

  it('makes a reset link that was sent to the old address useless', async () => {
    const [from, to] = [newAddress(), newAddress()];
    const user = await app.signUp({ email: from });
    await change(user, to).expect(200);
    const { token: verifying } = await mailTo(app, to);
    await app.http.post('/auth/password/forgot').send({ email: from }).expect(202);
    const { token } = await mailTo(app, from, /new password/);
    await verify(verifying).expect(204);
    expectProblem(
      await app.http.post('/auth/password/reset').send({ token, password: 'x'.repeat(40) }),
      'invalid_one_time_token',
    );
  });
});

describe('each mail', () => {
  it.each([
    ['an array', ['a@example.com', 'eve@example.com']],
    ['two with a comma', 'a@example.com,eve@example.com'],
    ['two with a semicolon', 'a@example.com;eve@example.com'],
    ['a second header', 'a@example.com\r\nBcc: eve@example.com'],
    ['a name around it', 'Ann <a@example.com>'],
    ['a quoted local part', '"a@evil.example x"@example.com'],
    ['a comment', 'a(eve@example.com)@example.com'],
    ['markup', '<b>a</b>@example.com'],
    ['a look-alike', '\u0430@example.com'],
    ['the Kelvin sign', '\u212Aate@example.com'],
    ['an object', { not: '' }],
  ])('goes to one recipient: %s is refused everywhere', async (_what, email) => {
    const user = await app.signUp();
    const before = await app.deps.db.outbox.count();
    const answers = [
      await app.http.post('/auth/password/forgot').send({ email }),
      await resend({ email }),
      await app.http.patch('/me').set(user.bearer).send({ email, password: goodPassword }),
      await app.http.post('/auth/signup').send({ username: 'odd-recipient', password: goodPassword, email }),
    ];
    for (const answer of answers) expectProblem(answer, 'validation_failed');
    expect(await app.deps.db.outbox.count()).toBe(before);
  });

  it('contains no text of a caller: a device has a name from a list (ASVS 1.2.1, 1.3.7)', async () => {
    const email = newAddress();
    const user = await app.signUp({ email });
    await confirm(app, email);
    const agent = '<img src=x onerror=alert(1)>{{7*7}}#{7*7}<%=7*7%>"\'&\u0080 win.evil.example';
    await app.http
      .post('/auth/login')
      .set('User-Agent', Buffer.from(agent, 'latin1').toString('latin1'))
      .set('Host', 'evil.example')
      .set('X-Forwarded-Host', 'evil.example')
      .send({ username: user.username, password: user.password })
      .expect(200);
    const mail = await mailTo(app, email, /new device/);
    expect(mail.text).toContain('From: an unknown device, address 127.0.0.1');
    expect(mail.raw).not.toMatch(/<img|onerror|7\*7|evil\.example|[^\x20-\x7e\r\n]/);
    expect(Math.max(...mail.raw.split('\r\n').map((line) => line.length))).toBeLessThan(998);
  });

  it.each([
    ['evil.example.com', 'Hello,'],
    ['www.win-a-prize', 'Hello,'],
    ['1-800-555-0199', 'Hello,'],
    ['plain_name-7', 'Hello plain_name-7,'],
  ])('greets %j so that no mail program makes a link of the name', async (username, greeting) => {
    const email = newAddress();
    await app.signUp({ username, email });
    const { text, html, raw } = await mailTo(app, email);
    for (const part of [text, html]) expect(part).toContain(greeting);
    if (greeting === 'Hello,') expect(raw).not.toContain(username);
  });

  it('links to APP_URL, and never to the Host of the request', async () => {
    const own = await startAppForTest({ APP_URL: 'https://app.example/front' });
    await own.http
      .post('/auth/signup')
      .set('X-Forwarded-Host', 'evil.example')
      .set('Host', 'evil.example')
      .send({ username: 'linked', password: goodPassword, email: 'linked@example.com' })
      .expect(201);
    const mail = await mailTo(own, 'linked@example.com');
    expect(mail.text).toContain(`https://app.example/front/verify-email?token=${mail.token}`);
    expect(mail.raw).not.toContain('evil.example');
  });

  it('keeps its token out of the database, the log and the audit', async () => {
    const tokens = mailsOf(app)
      .map(({ token }) => token)
      .filter((token) => token !== '');
    expect(tokens.length).toBeGreaterThan(10);
    const dump = JSON.stringify([
      await app.deps.db.$queryRaw`SELECT row_to_json(t)::text AS row FROM one_time_token t`,
      await app.deps.db.$queryRaw`SELECT row_to_json(o)::text AS row FROM outbox o`,
      await app.deps.db.$queryRaw`SELECT row_to_json(a)::text AS row FROM audit_event a`,
      app.logs,
    ]);
    for (const token of tokens) expect(dump).not.toContain(token);
  });
});
