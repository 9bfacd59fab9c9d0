import { expect, it } from 'vitest';
import { exported, exportSchema } from '../../src/me/export.js';
import { goodPassword, startAppForTest } from '../support/app.js';
import { confirm, mailTo, outboxEmpty } from '../support/mails.js';
import { withRole } from '../support/rows.js';

it('GET /me/export returns all data about the user, and no data of others or secrets', async () => {
  const app = await startAppForTest();
  const other = await app.signUp({ username: 'other', email: 'other@example.com' });
  const user = await app.signUp({ username: 'ada', email: 'ada@example.com' });
  const { token } = await mailTo(app, 'ada@example.com');
  await confirm(app, 'ada@example.com');
  await app.http.post('/auth/password/forgot').send({ email: 'ADA@example.com' }).expect(202);
  await app.http.post('/todos').set(user.bearer).send({ title: 'Mine' }).expect(201);
  await app.http.post('/todos').set(other.bearer).send({ title: 'Theirs' }).expect(201);
  await app.http.patch('/me').set(user.bearer).send({ email: 'ada@new.example', password: user.password }).expect(200);
  await outboxEmpty(app);
  const answer = await app.http.get('/me/export').set(user.bearer).expect(200);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['content-disposition']).toBe('attachment; filename="gatelatch-export.json"');
  // biome-ignore lint/suspicious/noExplicitAny: the schema checks it, but each table brings its own part.
  const held: any = exportSchema.strict().parse(answer.body);
  expect(held.user).toMatchObject({ username: 'ada', email: 'ada@example.com', pending_email: 'ada@new.example' });
  expect(held.sessions.map(({ id }: { id: string }) => id)).toEqual([user.sessionId]);
  expect(held.todos.map(({ title }: { title: string }) => title)).toEqual(['Mine']);
  expect(held.mails.map(({ purpose, recipient }: Record<string, string>) => [purpose, recipient]).sort()).toEqual([
    ['email_change_asked', 'ada@example.com'],
    ['forgot', 'ADA@example.com'],
    ['verify', 'ada@example.com'],
    ['verify', 'ada@new.example'],
  ]);
  expect(held.mailed_tokens).toEqual([{ purpose: 'verify', email: 'ada@new.example', expires_at: expect.any(String) }]);
  expect(answer.text).not.toMatch(/argon2|hash|nonce|other/);
  for (const secret of [token, user.refreshToken, user.accessToken]) expect(answer.text).not.toContain(secret);
});

it('no export holds what belongs to others: their mails, addresses, devices and ids', async () => {
  const app = await startAppForTest({ TRUST_PROXY: '1' });
  const people = { boss: '192.0.2.1', ada: '192.0.2.2', eve: '192.0.2.3' };
  type Name = keyof typeof people;
  const by = (name: Name, request: ReturnType<typeof app.http.post>) =>
    request.set('X-Forwarded-For', people[name]).set('User-Agent', `device-of-${name}`);
  const join = async (name: Name) => {
    const body = { username: `user-${name}`, password: goodPassword, email: `${name}@example.com` };
    const answer = await by(name, app.http.post('/auth/signup')).send(body).expect(201);
    return { id: answer.body.user.id, bearer: { Authorization: `Bearer ${answer.body.access_token}` } };
  };
  const users = { boss: await join('boss'), ada: await join('ada'), eve: await join('eve') };
  await withRole(app, { userId: users.boss.id } as never, 'admin');
  const { body: session } = await by('boss', app.http.post('/auth/login'))
    .send({ username: 'user-boss', password: goodPassword })
    .expect(200);
  users.boss.bearer = { Authorization: `Bearer ${session.access_token}` };
  for (const name of ['ada', 'eve'] as const) {
    const { token } = await mailTo(app, `${name}@example.com`);
    await by(name, app.http.post('/auth/email/verify')).send({ token }).expect(204);
  }
  const wants = (email: string) =>
    by('eve', app.http.patch('/me')).set(users.eve.bearer).send({ email, password: goodPassword }).expect(200);
  const asks = (name: Name, path: string, email: string) => by(name, app.http.post(path)).send({ email }).expect(202);

  // Eve asks for Ada's address; Ada recovers her own, guesses at Eve's password and is changed by the administrator.
  await wants('ada@example.com');
  await asks('ada', '/auth/password/forgot', 'ada@example.com');
  await asks('ada', '/auth/email/resend', 'ada@example.com');
  await by('ada', app.http.post('/auth/login')).send({ username: 'user-eve', password: 'not that one' }).expect(401);
  for (const roles of [['editor'], []])
    await by('boss', app.http.patch(`/admin/users/${users.ada.id}`))
      .set(users.boss.bearer)
      .send({ roles })
      .expect(200);
  await outboxEmpty(app);
  const mailsOfEve = async () =>
    (await by('eve', app.http.get('/me/export')).set(users.eve.bearer)).body.mails.map(
      ({ purpose }: { purpose: string }) => purpose,
    );
  expect((await mailsOfEve()).sort()).toEqual(['email_change_asked', 'verify', 'verify']);

  // A stranger opens the link that Eve had sent to their address.
  await wants('stranger@example.com');
  const { token } = await mailTo(app, 'stranger@example.com');
  await by('ada', app.http.post('/auth/email/verify')).send({ token }).expect(204);
  await outboxEmpty(app);

  const { body } = await by('ada', app.http.post('/auth/login'))
    .send({ username: 'user-ada', password: goodPassword })
    .expect(200);
  users.ada.bearer = { Authorization: `Bearer ${body.access_token}` };
  const typed = { boss: [], ada: [], eve: ['ada@example.com'] };
  for (const [name, { bearer }] of Object.entries(users) as [Name, (typeof users)[Name]][]) {
    const { text } = await by(name, app.http.get('/me/export')).set(bearer).expect(200);
    for (const other of Object.keys(people) as Name[]) {
      if (other === name) continue;
      const theirs = [users[other].id, people[other], `user-${other}`, `${other}@example.com`, `device-of-${other}`];
      for (const value of theirs.filter((value) => !typed[name].includes(value as never)))
        expect(text, `${value} in the export of ${name}`).not.toContain(value);
    }
    expect(text).toContain(people[name]);
  }
});

// These rows hold only ids and times, for as long as a token may be used.
const notExported = ['revocation', 'unfinished_ending'];

it('every table with a user_id is in the export, so a new one cannot be forgotten', async () => {
  const app = await startAppForTest();
  const rows = await app.deps.db.$queryRaw<{ table: string }[]>`
    SELECT DISTINCT table_name AS table FROM information_schema.columns
    WHERE table_schema = current_schema() AND column_name IN ('user_id', 'actor_id')`;
  const listed = [...Object.values(exported).map(({ table }) => table), ...notExported];
  expect(rows.map(({ table }) => table).sort()).toEqual(listed.sort());
});
