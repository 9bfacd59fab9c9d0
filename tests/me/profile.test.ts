import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { confirm, mailTo, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'off' });
});
afterAll(() => app.stop());

let names = 0;
const newName = () => `me-${++names}`;
const person = async () => {
  const username = newName();
  const email = `${username}@example.com`;
  return { ...(await app.signUp({ username, email })), email };
};
type Person = Awaited<ReturnType<typeof person>>;
const patch = (user: Person, body: object) => app.http.patch('/me').set(user.bearer).send(body);

describe('PATCH /me', () => {
  it('changes the username at once, as typed, and frees the old one', async () => {
    const user = await person();
    const { body } = await patch(user, { username: `X-${user.username}` }).expect(200);
    expect(body).toMatchObject({ id: user.userId, username: `X-${user.username}`, email: user.email });
    expect(Date.parse(body.updated_at)).toBeGreaterThan(Date.parse(body.created_at));
    expect((await app.http.get('/me').set(user.bearer)).body).toEqual(body);
    await app.signUp({ username: user.username });
  });

  it('records a change of username and tells the verified address, once and by the new name alone', async () => {
    const user = await person();
    await confirm(app, user.email);
    const username = newName();
    for (let time = 0; time < 2; time++) await patch(user, { username }).expect(200);
    const events = await app.deps.db.auditEvent.findMany({
      where: { userId: user.userId, action: 'username.changed' },
    });
    expect(events).toMatchObject([{ actorId: user.userId, ip: expect.any(String), detail: {} }]);
    const mails = (await settledMails(app)).filter(({ to }) => to === `<${user.email}>`);
    expect(mails.at(-1)?.subject).toBe('Your username was changed');
    expect(mails.filter(({ subject }) => subject === 'Your username was changed')).toHaveLength(1);
  });

  it('records wrong passwords of signed-in users, by session', async () => {
    const user = await person();
    const password = 'a wrong password, this';
    expectProblem(await patch(user, { email: `${newName()}@example.com`, password }), 'invalid_credentials');
    expectProblem(await app.http.delete('/me').set(user.bearer).send({ password }), 'invalid_credentials');
    const change = { current_password: password, new_password: 'a moth between two relays' };
    expectProblem(await app.http.post('/me/password').set(user.bearer).send(change), 'invalid_credentials');
    const events = await app.deps.db.auditEvent.findMany({
      where: { userId: user.userId, action: 'password.refused' },
    });
    // A boundary of five minutes may lie between them.
    expect(events.reduce((sum, { detail }) => sum + Number((detail as { count: number }).count), 0)).toBe(3);
    for (const { detail } of events) expect(detail).toMatchObject({ session_id: user.sessionId });
  });

  it('refuses a username that is taken in any case, and gives a free one to one of two users', async () => {
    const [one, two, three] = [await person(), await person(), await person()];
    expectProblem(await patch(one, { username: two.username.toUpperCase() }), 'username_taken');
    const wanted = newName();
    const answers = await Promise.all([one, two, three].map((user) => patch(user, { username: wanted })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    await patch(one, { username: (await app.http.get('/me').set(one.bearer)).body.username.toUpperCase() }).expect(200);
  });

  it('needs the password for a change of e-mail, and changes nothing without the right one (ASVS 7.5.1)', async () => {
    const user = await person();
    const wanted = { username: newName(), email: `${newName()}@example.com` };
    const without = await patch(user, wanted);
    expectProblem(without, 'validation_failed');
    expect(without.body.errors[0].path).toBe('password');
    expectProblem(await patch(user, { ...wanted, password: 'a wrong password, this' }), 'invalid_credentials');
    expect(await app.deps.db.user.findUnique({ where: { id: user.userId } })).toMatchObject({
      username: user.username,
      pendingEmail: null,
    });
    expect((await settledMails(app)).filter(({ to }) => to === `<${wanted.email}>`)).toEqual([]);
  });

  it('changes neither username nor e-mail if one of them is refused', async () => {
    const [user, other] = [await person(), await person()];
    const email = `${newName()}@example.com`;
    expectProblem(await patch(user, { username: other.username, email, password: user.password }), 'username_taken');
    expect((await settledMails(app)).filter(({ to }) => to === `<${email}>`)).toEqual([]);
  });

  it('changes nothing for an empty body, and cancels a pending change if the e-mail is the current one', async () => {
    const user = await person();
    await patch(user, {}).expect(200);
    const email = `${newName()}@example.com`;
    await patch(user, { email, password: user.password }).expect(200);
    const { token } = await mailTo(app, email);
    await patch(user, { email: user.email.toUpperCase(), password: user.password }).expect(200);
    expectProblem(await app.http.post('/auth/email/verify').send({ token }), 'invalid_one_time_token');
  });

  it.each(['roles', 'id', 'email_verified', 'password_hash', 'created_at', 'pending_email'])(
    'cannot set %s (ASVS 8.2.3)',
    async (field) => {
      expectProblem(await patch(await person(), { [field]: 'x' }), 'validation_failed');
    },
  );
});

describe('a notice is mailed to a verified address', () => {
  const verifiedPerson = async () => {
    const user = await person();
    await confirm(app, user.email);
    return user;
  };
  const noticesOf = async (user: Person, subject: RegExp) =>
    (await settledMails(app)).filter((mail) => mail.to === `<${user.email}>` && subject.test(mail.subject));

  it('after a change of password', async () => {
    const user = await verifiedPerson();
    const passwords = { current_password: user.password, new_password: 'a wholly new passphrase' };
    await app.http.post('/me/password').set(user.bearer).set('User-Agent', firefox).send(passwords).expect(204);
    const mails = await noticesOf(user, /password was changed/);
    expect(mails).toHaveLength(1);
    expect(mails[0]?.text).toMatch(/From: Firefox on Windows, address 127\.0\.0\.1/);
    await app.http.post('/me/password').set(user.bearer).send(passwords).expect(401);
    expect(await noticesOf(user, /password was changed/)).toHaveLength(1);
  });

  it('after a deletion, and no other data of the user is left', async () => {
    const user = await verifiedPerson();
    await app.http.delete('/me').set(user.bearer).send({ password: user.password }).expect(204);
    expect(await noticesOf(user, /was deleted/)).toHaveLength(1);
    expect(await app.deps.db.outbox.count({ where: { userId: user.userId } })).toBe(0);
    expect(await app.deps.db.oneTimeToken.count({ where: { userId: user.userId } })).toBe(0);
  });

  it('after a login from a new device, and not from a known one or at sign-up', async () => {
    const user = await verifiedPerson();
    const other = await person();
    const logIn = (device_token?: string, agent = firefox) =>
      app.http
        .post('/auth/login')
        .set('User-Agent', agent)
        .send({ username: user.username, password: user.password, device_token });
    expect(await noticesOf(user, /new device/)).toHaveLength(0);
    await logIn(user.deviceToken).expect(200);
    await app.http
      .post('/auth/login')
      .set('Cookie', `device=${user.deviceToken}`)
      .send({ username: user.username, password: user.password });
    expect(await noticesOf(user, /new device/)).toHaveLength(0);
    const { body } = await logIn().expect(200);
    expect(await noticesOf(user, /new device/)).toHaveLength(1);
    await logIn(body.device_token).expect(200);
    for (const [n, forged] of [other.deviceToken, 'a'.repeat(76)].entries()) await logIn(forged, agents[n]).expect(200);
    expect(await noticesOf(user, /new device/)).toHaveLength(3);
    await app.http
      .post('/auth/login')
      .send({ username: user.username, password: 'a wrong password, this' })
      .expect(401);
    expect(await noticesOf(user, /new device/)).toHaveLength(3);
    // An attacker who knows the password cannot fill a mailbox: neither with the same notice nor with others.
    for (const agent of [...agents, ...agents]) await logIn(undefined, agent).expect(200);
    expect(await noticesOf(user, /new device/)).toHaveLength(5);
  });
});

const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';
const agents = ['Linux', 'Macintosh', 'Android', 'iPhone', 'iPad', 'CrOS'].map((system) =>
  firefox.replace('Windows', system),
);
