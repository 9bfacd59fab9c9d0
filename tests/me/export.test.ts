import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exported, exportSchema } from '../../src/me/export.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm, mailTo, outboxEmpty } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { connectTo, untilClosed } from '../support/raw-http.js';
import { withRole } from '../support/rows.js';

it('GET /me/export returns all data about the user, and no data of others or secrets', async () => {
  const app = await startAppForTest();
  const other = await app.signUp({ username: 'other', email: 'other@example.com' });
  const user = await app.signUp({ username: 'ada', email: 'ada@example.com' });
  const { token } = await mailTo(app, 'ada@example.com');
  await confirm(app, 'ada@example.com');
  await app.http.post('/auth/password/forgot').send({ email: 'ADA@example.com' }).expect(202);
  // Its token is made when the mail is sent: later than the change below, it would outlive that.
  await outboxEmpty(app);
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

it('whether an address that a user wants is another user’s shows in no export, and in no link mailed before', async () => {
  const app = await startAppForTest({
    RATE_LIMIT: 'on',
    RATE_LIMIT_MAIL: '3/1h',
    RATE_LIMIT_MAIL_ADDRESS: '1000/1h',
    TRUST_PROXY: '1',
  });
  await app.signUp({ email: 'taken@example.com' });
  await confirm(app, 'taken@example.com');
  const stages = async (name: string, target: string) => {
    const { bearer, password } = await app.signUp({ email: `${name}@example.com` });
    const { token } = await mailTo(app, `${name}@example.com`);
    // Each mail is looked at before the next one is asked for: which of several at once pass the limit is chance.
    const wants = async (email: string) => {
      await app.http.patch('/me').set(bearer).send({ email, password }).expect(200);
      await outboxEmpty(app);
    };
    const resend = async (request: ReturnType<typeof app.http.post>, body: object) => {
      await request.send(body).expect(202);
      await outboxEmpty(app);
    };
    const seen = async () => {
      const { text } = await app.http.get('/me/export').set(bearer).expect(200);
      const { mails, mailed_tokens } = JSON.parse(text.replaceAll(target, 'TARGET').replaceAll(name, 'NAME'));
      return {
        mails: mails.map(({ purpose, recipient, sent_at, detail }: Record<string, unknown>) => ({
          purpose,
          recipient,
          detail,
          isSent: sent_at !== null,
        })),
        tokens: mailed_tokens.map(({ purpose, email }: Record<string, unknown>) => ({ purpose, email })),
      };
    };
    const found: unknown[] = [];
    await wants(target);
    found.push(await seen(), (await app.http.post('/auth/email/verify').send({ token })).status);
    await resend(app.http.post('/auth/email/resend'), { email: target });
    found.push(await seen());
    for (let n = 0; n < 3; n++) await wants(`${n}-${name}-${target}`);
    await wants(target);
    for (let n = 0; n < 3; n++) await resend(app.http.post('/auth/email/resend').set(bearer), {});
    found.push(await seen());
    return found;
  };
  expect(await stages('eve', 'taken@example.com')).toEqual(await stages('mallory', 'free@example.com'));
});

it('how many mails others had sent to an address shows in no export', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_MAIL: '1/1h' });
  const seenBy = async (email: string) => {
    const { bearer, password } = await app.signUp();
    await app.http.patch('/me').set(bearer).send({ email, password }).expect(200);
    await outboxEmpty(app);
    const { mails } = (await app.http.get('/me/export').set(bearer).expect(200)).body;
    return mails.map(({ purpose, sent_at }: Record<string, unknown>) => ({ purpose, sent_at }));
  };
  const first = await seenBy('wanted@example.com');
  expect(first).toEqual([{ purpose: 'verify', sent_at: null }]);
  expect(await seenBy('wanted@example.com')).toEqual(first);
});

// These rows hold only ids and times, for as long as a token may be used.
const notExported = ['revocation', 'unfinished_ending'];

it('every table with a user_id is in the export, so a new one cannot be forgotten', async () => {
  const app = await startAppForTest();
  const rows = await app.deps.db.$queryRaw<{ table: string }[]>`
    SELECT DISTINCT table_name AS table FROM information_schema.columns
    WHERE table_schema = current_schema() AND column_name IN ('user_id', 'actor_id', 'invited_by')`;
  const listed = [...Object.values(exported).map(({ table }) => table), ...notExported];
  expect(rows.map(({ table }) => table).sort()).toEqual(listed.sort());
});

describe('A long export', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ RATE_LIMIT: 'on' });
  });
  afterAll(() => app.stop());

  const titleLength = 500;

  async function userWithTodos(count: number, length = titleLength): Promise<SignedUp> {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`
      INSERT INTO todo (id, user_id, title)
      SELECT gen_random_uuid(), ${user.userId}::uuid, rpad(n::text, ${length}::int, '.') FROM generate_series(1, ${count}::int) n`;
    return user;
  }

  /** More than the sockets of both sides hold, so that the server has to wait for its reader. */
  const tooManyToBuffer = 20_000;

  function openExport(user: SignedUp): Socket {
    const socket = connectTo(app);
    const head = [
      'GET /me/export HTTP/1.1',
      'Host: x',
      `Authorization: ${user.bearer.Authorization}`,
      'Connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    return socket;
  }

  async function waitingExport(user: SignedUp): Promise<Socket> {
    const socket = openExport(user);
    await once(socket, 'readable');
    socket.pause();
    return socket;
  }

  const ended = () => vi.waitFor(() => expect(app.deps.exportTurns.underWay()).toBe(0), 10_000);

  it('is one JSON document with every row once, in pieces; and HEAD is answered without one', async () => {
    const user = await userWithTodos(2_345);
    const answer = await app.http.get('/me/export').set(user.bearer).expect(200);
    expect(answer.headers['transfer-encoding']).toBe('chunked');
    const { todos } = exportSchema.parse(answer.body) as unknown as { todos: { title: string }[] };
    expect(new Set(todos.map(({ title }) => Number.parseInt(title, 10))).size).toBe(2_345);
    expect(todos).toHaveLength(2_345);
    const head = await app.http.head('/me/export').set(user.bearer).expect(200);
    expect(head.headers['content-disposition']).toContain('gatelatch-export.json');
    await ended();
  });

  it('is one at a time for a user, and does not hold up others; the refused one does not count', async () => {
    const user = await userWithTodos(tooManyToBuffer);
    const socket = await waitingExport(user);
    for (let time = 0; time < 12; time++) {
      const refused = await app.http.get('/me/export').set(user.bearer);
      expectProblem(refused, 'rate_limited');
      expect(refused.body.detail).toContain('under way');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    }
    await app.http
      .get('/me/export')
      .set((await app.signUp()).bearer)
      .expect(200);
    socket.destroy();
    await ended();
    await app.http.get('/me/export').set(user.bearer).expect(200);
    expect(app.logs.filter(({ code }) => code === 'internal_error')).toEqual([]);
  });

  it('are at most ten at a time for an address, and one that was cut makes room', async () => {
    const users = await Promise.all(Array.from({ length: 11 }, () => userWithTodos(300, 20_000)));
    const sockets = await Promise.all(users.slice(0, 10).map(waitingExport));
    const last = () => app.http.get('/me/export').set(users[10]?.bearer ?? {});
    const refused = await last();
    expectProblem(refused, 'rate_limited');
    expect(refused.body.detail).toContain('your address');
    for (const socket of sockets) socket.destroy();
    await ended();
    expect((await last()).status).toBe(200);
  });

  it('that fails half-way is cut, so that nobody takes it for a whole one', async () => {
    const user = await userWithTodos(tooManyToBuffer);
    const socket = await waitingExport(user);
    await app.deps.db.$executeRaw`ALTER TABLE audit_event RENAME TO hidden`;
    const text = await untilClosed(socket.resume()).finally(
      () => app.deps.db.$executeRaw`ALTER TABLE hidden RENAME TO audit_event`,
    );
    expect(text).toContain('HTTP/1.1 200 OK');
    expect(text.length).toBeGreaterThan(tooManyToBuffer * titleLength);
    expect(text).not.toContain('"audit":[]');
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(false);
    const body = text.slice(text.indexOf('{')).replace(/\r\n[\da-f]+\r\n/g, '');
    expect(() => JSON.parse(body)).toThrow();
    expect(app.logs.filter(({ msg }) => msg === 'request failed')).toHaveLength(1);
    await ended();
  });
});

it('exports are limited for each user', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_EXPORT: '2/1h' });
  const [ada, bob] = [await app.signUp(), await app.signUp()];
  const statuses = async (user: SignedUp, times: number) => {
    const found: number[] = [];
    for (let time = 0; time < times; time++) found.push((await app.http.get('/me/export').set(user.bearer)).status);
    return found;
  };
  expect(await statuses(ada, 4)).toEqual([200, 200, 429, 429]);
  expect(await statuses(bob, 1)).toEqual([200]);
});

it('the audit in an export has each event once, in order, whoever did it, over several pages', async () => {
  const app = await startAppForTest();
  const [user, other] = [await app.signUp(), await app.signUp()];
  const add = (userId: string, actorId: string, from: number) => app.deps.db.$executeRaw`
    INSERT INTO audit_event (id, at, action, user_id, actor_id)
    SELECT gen_random_uuid(), now() + (${from} + n * 2) * interval '1 microsecond', 'roles.changed', ${userId}::uuid,
      ${actorId}::uuid FROM generate_series(1, 450) n`;
  await add(user.userId, other.userId, 0);
  await add(other.userId, user.userId, 1);
  await add(user.userId, user.userId, 5_000);
  await add(other.userId, other.userId, 0);
  const { body } = await app.http.get('/me/export').set(user.bearer).expect(200);
  const events: { id: string; at: string; action: string }[] = body.audit;
  const changes = events.filter(({ action }) => action === 'roles.changed');
  expect(changes).toHaveLength(3 * 450);
  expect(new Set(changes.map(({ id }) => id)).size).toBe(3 * 450);
  expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
});
