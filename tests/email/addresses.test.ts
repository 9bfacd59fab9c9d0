import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm, mailTo, settledMails } from '../support/mails.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

let users = 0;
const signUp = (email: string, on = app) =>
  on.http.post('/auth/signup').send({ username: `mailbox-${++users}`, password: goodPassword, email });

describe('An e-mail address', () => {
  it.each([
    'user@xn--80a1acny.xn--p1ai',
    'user@пример.рф',
    'user@例え。テスト',
    'user@faß.de',
    'a&b@example.com',
    'o=b@example.com',
    'user#x@example.com',
    'user~x@example.com',
    "o'brien@example.com",
    "!$%*/?^`{|}-._+'@example.com",
    'a/b@example.com',
    `${'a'.repeat(64)}@example.com`,
    `user@${'b'.repeat(63)}.example`,
    'user@a-b.1-2.example',
    'user@example.x1',
    'Ada.Lovelace@Example.COM',
  ])('can be %s, and is shown as typed', async (email) => {
    const { status, body } = await signUp(email);
    expect([status, body.user?.email]).toEqual([201, email]);
    const { body: again } = await signUp(email.toUpperCase().replace('@FASS', '@FAß').replace('SS.DE', 'ß.de'));
    expect(again.code).toBe('email_taken');
  });

  it.each([
    [`${'a'.repeat(65)}@example.com`, 'At most 64 characters before the @.'],
    [`user@${'b'.repeat(64)}.com`, 'The part after the @ is not a domain.'],
    [`user@${`${'я'.repeat(60)}.`.repeat(2)}рф`, 'The part after the @ is not a domain.'],
    [`user@${'b'.repeat(63)}.${'b'.repeat(63)}.${'b'.repeat(63)}.${'b'.repeat(60)}`, 'At most 254 characters.'],
    ['user@example-.com', 'The part after the @ is not a domain.'],
    ['user@-example.com', 'The part after the @ is not a domain.'],
    ['user@example.com.', 'The part after the @ is not a domain.'],
    ['user@example..com', 'The part after the @ is not a domain.'],
    ['user@ex_ample.com', 'The part after the @ is not a domain.'],
    ['user@example.com/x', 'The part after the @ is not a domain.'],
    ['user@example.com:25', 'The part after the @ is not a domain.'],
    ['user@пример.рф/x', 'The part after the @ is not a domain.'],
    ['user@exa%6dple.com', 'The part after the @ is not a domain.'],
    ['user@ex\u200bample.com', 'The part after the @ is not a domain.'],
    ['user@ex\ufe0fample.com', 'The part after the @ is not a domain.'],
    ['user@ex\u0430mple.com', 'The part after the @ is not a domain.'],
    ['user@127.0.0.1', 'The part after the @ is not a domain.'],
    ['user@0x7f.1', 'The part after the @ is not a domain.'],
    ['user@[192.0.2.1]', 'The part after the @ is not a domain.'],
    ['user@xn--a.com', 'The part after the @ is not a domain.'],
    ['user@localhost', 'The part after the @ needs a dot.'],
    ['.user@example.com', 'Not an e-mail address.'],
    ['us..er@example.com', 'Not an e-mail address.'],
    ['user.@example.com', 'Not an e-mail address.'],
    ['"us er"@example.com', 'Not an e-mail address.'],
    [
      'пользователь@example.com',
      'This server cannot send mail to an address with letters other than a-z before the @.',
    ],
    ['ada\u0130@example.com', 'This server cannot send mail to an address with letters other than a-z before the @.'],
  ])('cannot be %j, and the answer says why', async (email, message) => {
    const { status, body } = await signUp(email);
    expect([status, body.errors]).toEqual([422, [{ path: 'email', message }]]);
  });

  it('whose domain has two spellings belongs to one user, who can use both', async () => {
    const typed = 'Ada@Bücher.example';
    const ascii = 'ada@xn--bcher-kva.example';
    await signUp(typed).expect(201);
    expect((await signUp(ascii)).body.code).toBe('email_taken');
    await confirm(app, 'Ada@xn--bcher-kva.example');
    for (const username of [typed, ascii, 'ADA@BÜCHER.example', 'ada@bücher．example'])
      await app.http.post('/auth/login').send({ username, password: goodPassword }).expect(200);
    for (const email of [typed, ascii]) await app.http.post('/auth/password/forgot').send({ email }).expect(202);
    const resets = (await settledMails(app)).filter(({ subject }) => subject === 'Set a new password');
    expect(resets.map(({ to }) => to)).toEqual(Array(2).fill('<Ada@xn--bcher-kva.example>'));
  });

  it('of another user is not reached by letters that only look or fold alike', async () => {
    await signUp('kate@kiosk.example').expect(201);
    const logIn = (username: string) => app.http.post('/auth/login').send({ username, password: goodPassword });
    await logIn('kate@kiosk.example').expect(200);
    for (const username of ['\u212Aate@kiosk.example', 'k\u0430te@kiosk.example', 'kate@ki\u043Esk.example'])
      expect((await logIn(username)).body.code, username).toBe('invalid_credentials');
  });

  it('in two spellings is asked for once in an hour, and its mails count together', async () => {
    const limited = await startAppForTest({ RATE_LIMIT: 'on' });
    const { bearer } = await limited.signUp();
    for (const email of ['new@bücher.example', 'new@xn--bcher-kva.example'])
      await limited.http.patch('/me').set(bearer).send({ email, password: goodPassword }).expect(200);
    expect(await settledMails(limited)).toHaveLength(1);
    await confirm(limited, 'new@xn--bcher-kva.example');
    const forgot = (email: string) => limited.http.post('/auth/password/forgot').send({ email }).expect(202);
    for (let n = 0; n < 8; n++) await forgot(n % 2 ? 'new@bücher.example' : 'new@xn--bcher-kva.example');
    const mails = await settledMails(limited);
    expect(mails.filter(({ subject }) => subject === 'Set a new password')).toHaveLength(5);
  });

  it('is found by an administrator who types a part of it, in any alphabet', async () => {
    const { userId } = await app.signUp({ username: 'boss' });
    await app.deps.db.user.update({ where: { id: userId }, data: { roles: ['admin'] } });
    const { body: admin } = await app.http.post('/auth/login').send({ username: 'boss', password: goodPassword });
    await signUp('find@почта.рф').expect(201);
    for (const q of ['почт', 'find@почта.рф', 'FIND@почта.рф', 'find@']) {
      const { body } = await app.http
        .get(`/admin/users?q=${encodeURIComponent(q)}`)
        .set('Authorization', `Bearer ${admin.access_token}`)
        .expect(200);
      expect(
        body.data.map(({ email }: { email: string }) => email),
        q,
      ).toEqual(['find@почта.рф']);
    }
  });
});

describe('With EMAIL_LOCAL_DOMAINS', () => {
  it('a domain without a dot is taken if it is named, at sign-up and for a new address', async () => {
    const local = await startAppForTest({ EMAIL_LOCAL_DOMAINS: 'localhost' });
    await signUp('user@LocalHost', local).expect(201);
    await mailTo(local, 'user@LocalHost');
    const { bearer } = await local.signUp();
    const change = (email: string) => local.http.patch('/me').set(bearer).send({ email, password: goodPassword });
    await change('other@localhost').expect(200);
    for (const { status, body } of [await change('other@intranet'), await signUp('user@intranet', local)])
      expect([status, body.errors]).toEqual([422, [{ path: 'email', message: 'The part after the @ needs a dot.' }]]);
  });
});
