import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { purgePendingSignUps } from '../../src/sign-up/purge.js';
import { userNamed } from '../../src/users/user-named.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { mailTo, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ SIGNUP: 'verified', RATE_LIMIT: 'off' });
});
afterAll(() => app.stop());

const signUp = (username: string, email?: string, fields = {}) =>
  app.http.post('/auth/signup').send({ username, password: goodPassword, email, ...fields });
const logIn = (username: string, password = goodPassword) => app.http.post('/auth/login').send({ username, password });
const verify = (token: string) => app.http.post('/auth/email/verify').send({ token });

let names = 0;
const newName = () => `pending-${++names}`;

/** Signs a user up and confirms the e-mail address. */
async function member(): Promise<{ userId: string; username: string; email: string }> {
  const username = newName();
  const email = `${username}@example.com`;
  const { body } = await signUp(username, email).expect(201);
  await verify((await mailTo(app, email)).token).expect(204);
  return { userId: body.user.id, username, email };
}

describe('SIGNUP=verified', () => {
  it('requires an e-mail address', async () => {
    const answer = await signUp(newName());
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors).toEqual([{ path: 'email', message: expect.any(String) }]);
  });

  it('answers 201 without tokens, reserves the name, and allows the login after the link was opened', async () => {
    const username = newName();
    const email = `${username}@example.com`;
    const answer = await signUp(username, email, { transport: 'cookie' })
      .set('Origin', 'http://localhost:3000')
      .expect(201);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    const time = expect.stringMatching(/Z$/);
    const user = {
      id: expect.any(String),
      kind: 'person',
      username,
      email,
      email_verified: false,
      roles: [],
      created_at: time,
      updated_at: time,
    };
    expect(answer.body).toEqual({ user, status: 'verification_sent' });
    expectProblem(await logIn(username), 'email_unverified');
    expectProblem(await logIn(username, 'a wrong password, this'), 'invalid_credentials');
    expectProblem(await logIn(email), 'invalid_credentials');
    expectProblem(await signUp(username.toUpperCase(), 'other@example.com'), 'username_taken');
    await verify((await mailTo(app, email)).token).expect(204);
    const { body } = await logIn(email).expect(200);
    expect(body.user).toMatchObject({ id: answer.body.user.id, email, email_verified: true });
    expect(await app.deps.db.auditEvent.count({ where: { userId: body.user.id, action: 'email.verified' } })).toBe(1);
  });

  it('answers the same for an address that another user has; only the mail differs', async () => {
    const { email } = await member();
    const [known, unknown] = [newName(), newName()];
    const before = await settledMails(app);
    const answers = [await signUp(known, email), await signUp(unknown, `${unknown}@example.com`)];
    const shapes = answers.map(({ status, headers, body }) => ({
      status,
      headers: Object.keys(headers),
      fields: Object.entries(body.user).map(([name, value]) => [name, value === null ? null : typeof value]),
      rest: { ...body, user: undefined },
    }));
    expect(shapes[0]).toEqual(shapes[1]);
    for (const username of [known, unknown]) {
      expectProblem(await logIn(username), 'email_unverified');
      expectProblem(await signUp(username, 'third@example.com'), 'username_taken');
    }
    expectProblem(await logIn(email, 'a wrong password, this'), 'invalid_credentials');
    expectProblem(await logIn(`${unknown}@example.com`, 'a wrong password, this'), 'invalid_credentials');
    for (const address of [email, `${unknown}@example.com`])
      await app.http.post('/auth/email/resend').send({ email: address }).expect(202, '');
    const mails = (await settledMails(app)).slice(before.length);
    const told = mails.filter(({ to }) => to === `<${email}>`);
    expect(told.map(({ subject, token }) => [subject, token])).toEqual([
      ['You already have an account here', ''],
      ['You already have an account here', ''],
    ]);
    expect(mails.filter(({ to, token }) => to === `<${unknown}@example.com>` && token !== '')).toHaveLength(2);
  });

  it('gives an address that two wait for to the first who opens the link and knows the password of that sign-up', async () => {
    const [one, two] = [newName(), newName()];
    const email = `${one}@example.com`;
    for (const username of [one, two]) await signUp(username, email).expect(201);
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${email}>`);
    expect(mails.map(({ text }) => /Hello (\S+),/.exec(text)?.[1])).toEqual([one, two]);
    const confirm = (token: unknown) => app.http.post('/auth/email/verify').send({ token, password: goodPassword });
    await confirm(mails[1]?.token).expect(204);
    expectProblem(await confirm(mails[0]?.token), 'invalid_one_time_token');
    await logIn(two).expect(200);
    expectProblem(await logIn(one), 'email_unverified');
  });

  it('confirms no sign-up of a stranger who used the same address, earlier or later, by a click of its owner', async () => {
    const [before, alice, after] = [newName(), newName(), newName()];
    const email = `${alice}@example.com`;
    const strangers = 'a password of a stranger';
    await signUp(before, email, { password: strangers }).expect(201);
    await signUp(alice, email).expect(201);
    await signUp(after, email, { password: strangers }).expect(201);
    await app.http.post('/auth/email/resend').send({ email }).expect(202);
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${email}>`);
    expect(mails).toHaveLength(4);
    const nameOf = ({ text }: { text: string }) => /Hello (\S+),/.exec(text)?.[1];
    const confirm = (token: string, password?: string) => app.http.post('/auth/email/verify').send({ token, password });
    for (const mail of [mails[2], mails[3]]) {
      if (!mail) throw new Error('No mail');
      const answer = await confirm(mail.token);
      expectProblem(answer, 'validation_failed');
      expect(answer.body.errors).toEqual([
        { path: 'password', message: expect.stringContaining(`the password of ${nameOf(mail)} `) },
      ]);
      expectProblem(await confirm(mail.token, goodPassword), 'invalid_credentials');
    }
    for (const name of [before, after]) expectProblem(await logIn(name, strangers), 'email_unverified');
    // Her own link can be had by name, and opens with her password.
    await app.http.post('/auth/email/resend').send({ email, username: alice.toUpperCase() }).expect(202);
    const own = await mailTo(app, email);
    expect(nameOf(own)).toBe(alice);
    expectProblem(await confirm(own.token), 'validation_failed');
    await confirm(own.token, goodPassword).expect(204);
    await logIn(email).expect(200);
  });

  it('makes one sign-up with one mail of 50 sign-ups with one name at once', async () => {
    const username = newName();
    const answers = await Promise.all(Array.from({ length: 50 }, () => signUp(username, `${username}@example.com`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === 'username_taken')).toHaveLength(49);
    expect((await settledMails(app)).filter(({ to }) => to === `<${username}@example.com>`)).toHaveLength(1);
  });

  it('frees the name of a sign-up that was not confirmed in time, before the purge and by it', async () => {
    const outdated = (username: string) =>
      app.deps.db.user.update({
        where: { usernameKey: username },
        data: { pendingUntil: new Date(Date.now() - 1_000) },
      });
    const [taken, purged] = [newName(), newName()];
    for (const username of [taken, purged]) {
      await signUp(username, `${username}@example.com`).expect(201);
      await settledMails(app);
      await outdated(username);
    }
    const again = await signUp(taken, `again-${taken}@example.com`).expect(201);
    expect(again.body.user.email).toBe(`again-${taken}@example.com`);
    await purgePendingSignUps(app.deps);
    expect(await app.deps.db.user.count({ where: { usernameKey: purged } })).toBe(0);
    expect(await app.deps.db.user.count({ where: { usernameKey: taken } })).toBe(1);
  });

  it('sends at most five mails an hour to one address, in any spelling, and a resend still reaches it', async () => {
    const { email } = await member();
    for (const address of [email, `${newName()}@example.com`]) {
      const before = (await settledMails(app)).length;
      for (let n = 0; n < 8; n++)
        await signUp(newName(), n % 2 ? address : address.replace('pending', 'PENDING')).expect(201);
      expect(await settledMails(app)).toHaveLength(before + 5);
      await app.http.post('/auth/email/resend').send({ email: address }).expect(202);
      expect(await settledMails(app)).toHaveLength(before + 6);
    }
  });

  it('hides unconfirmed sign-ups from administrators: they cannot list, find or change them', async () => {
    const { email } = await member();
    const boss = await member();
    await changeUser(app.deps, boss.userId, { roles: ['admin'] }, {}, 'all');
    const { body: signedIn } = await logIn(boss.username).expect(200);
    const bearer = { Authorization: `Bearer ${signedIn.access_token}` };
    const names = [newName(), newName()];
    const ids = [];
    for (const [n, address] of [email, `${names[1]}@example.com`].entries())
      ids.push((await signUp(`${names[n]}`, address).expect(201)).body.user.id);
    const asked = (method: 'get' | 'patch' | 'delete' | 'post', path: string) =>
      app.http[method](`/admin/users${path}`).set(bearer);
    for (const q of names) expect((await asked('get', `?q=${q}`)).body.data).toEqual([]);
    for (const id of ids) {
      expectProblem(await asked('get', `/${id}`), 'not_found');
      expectProblem(await asked('patch', `/${id}`).send({ roles: ['admin'] }), 'not_found');
      expectProblem(await asked('get', `/${id}/sessions`), 'not_found');
      expectProblem(await asked('post', `/${id}/logout`), 'not_found');
      expectProblem(await asked('delete', `/${id}`), 'not_found');
    }
    for (const name of names) {
      const why =
        /^There is no user "[\w-]+" yet: an unconfirmed sign-up holds the name until \S+Z, unless its e-mail is confirmed/;
      await expect(userNamed(app.deps, name)).rejects.toThrow(why);
    }
    await verify((await mailTo(app, `${names[1]}@example.com`)).token).expect(204);
    expect((await asked('get', `?q=${names[1]}`)).body.data).toMatchObject([{ id: ids[1], email_verified: true }]);
  });

  it('allows no session and no reset before it is confirmed', async () => {
    const username = newName();
    const email = `${username}@example.com`;
    await signUp(username, email).expect(201);
    await app.http.post('/auth/password/forgot').send({ email }).expect(202);
    expect((await settledMails(app)).filter(({ to }) => to === `<${email}>`)).toHaveLength(1);
    expect(await app.deps.db.session.count({ where: { user: { usernameKey: username } } })).toBe(0);
  });
});
