import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { expectProblem } from '../../support/problem.js';

describe('todos', () => {
  let app: TestApp;
  let ada: SignedUp;
  beforeAll(async () => {
    app = await startApp();
  });
  beforeEach(async () => {
    ada = await app.signUp();
  });
  afterAll(() => app.stop());

  const create = (fields: unknown, as = ada) =>
    app.http
      .post('/todos')
      .set(as.bearer)
      .send(fields as object);
  const read = (id: string, as = ada) => app.http.get(`/todos/${id}`).set(as.bearer);
  const change = (id: string, fields: unknown, as = ada) =>
    app.http
      .patch(`/todos/${id}`)
      .set(as.bearer)
      .send(fields as object);
  const remove = (id: string, as = ada) => app.http.delete(`/todos/${id}`).set(as.bearer);
  const list = (query: Record<string, unknown> = {}, as = ada) => app.http.get('/todos').query(query).set(as.bearer);
  const titles = async (as = ada) =>
    (await list({ limit: 100 }, as)).body.data.map((todo: { title: string }) => todo.title);

  it('are created, and the Location header points to them', async () => {
    const { status, body, headers } = await create({ title: 'Buy milk' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7/),
      title: 'Buy milk',
      completed: false,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      updated_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(headers.location).toBe(`/todos/${body.id}`);
    const there = await app.http.get(String(headers.location)).set(ada.bearer);
    expect([there.status, there.body]).toEqual([200, body]);
  });

  it('can be created as completed', async () => {
    expect((await create({ title: 'Done', completed: true })).body.completed).toBe(true);
  });

  it('are changed field by field: updated_at moves, id and created_at stay', async () => {
    const { body: made } = await create({ title: 'Buy milk' });
    await sleep(5);
    const { status, body: done } = await change(made.id, { completed: true });
    expect([status, done]).toEqual([200, { ...made, completed: true, updated_at: expect.any(String) }]);
    expect(Date.parse(done.updated_at)).toBeGreaterThan(Date.parse(made.updated_at));
    const { body: renamed } = await change(made.id, { title: 'Buy oat milk' });
    expect(renamed).toMatchObject({ title: 'Buy oat milk', completed: true });
    expect((await read(made.id)).body).toEqual(renamed);
  });

  it('are not found after they were deleted', async () => {
    const { body } = await create({ title: 'Buy milk' });
    const answer = await remove(body.id);
    expect([answer.status, answer.text]).toEqual([204, '']);
    for (const gone of [await read(body.id), await change(body.id, { title: 'x' }), await remove(body.id)])
      expect([gone.status, gone.body.code]).toEqual([404, 'not_found']);
  });

  it('keep both fields of two changes at the same time', async () => {
    const { body } = await create({ title: 'Buy milk' });
    await Promise.all([change(body.id, { title: 'Buy oat milk' }), change(body.id, { completed: true })]);
    expect((await read(body.id)).body).toMatchObject({ title: 'Buy oat milk', completed: true });
  });

  describe('the list of todos', () => {
    it('is empty for a new user', async () => {
      expect((await list()).body).toEqual({ data: [], next_cursor: null });
    });

    it.each([1, 2, 3, 6, 7, 8])('shows each of 7 once, oldest first, in pages of %i', async (limit) => {
      for (let n = 1; n <= 7; n += 1) await create({ title: `todo ${n}` });
      const seen: string[] = [];
      let cursor: string | null = null;
      let pages = 0;
      do {
        const { status, body } = await list({ limit, ...(cursor ? { cursor } : {}) });
        expect(status).toBe(200);
        expect(body.data.length).toBe(Math.min(limit, 7 - seen.length));
        seen.push(...body.data.map((todo: { title: string }) => todo.title));
        cursor = body.next_cursor;
        pages += 1;
      } while (cursor !== null && pages < 10);
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `todo ${n}`));
      expect(pages).toBe(Math.ceil(7 / limit));
    });

    it('goes on in the right place if the todo of the cursor was deleted, and shows added ones', async () => {
      const made = [];
      for (let n = 1; n <= 4; n += 1) made.push((await create({ title: `todo ${n}` })).body);
      const { body: first } = await list({ limit: 2 });
      await remove(made[1].id);
      await create({ title: 'todo 5' });
      const { body: rest } = await list({ limit: 10, cursor: first.next_cursor });
      expect(rest.data.map((todo: { title: string }) => todo.title)).toEqual(['todo 3', 'todo 4', 'todo 5']);
    });

    it('has 20 todos by default and at most 100', async () => {
      await app.deps.db.todo.createMany({
        data: Array.from({ length: 101 }, (_, n) => ({ id: uuidv7(), userId: ada.userId, title: `todo ${n}` })),
      });
      expect((await list()).body.data).toHaveLength(20);
      expect((await list({ limit: 100 })).body.data).toHaveLength(100);
    });

    it.each([
      ['limit', '0'],
      ['limit', '101'],
      ['limit', '-1'],
      ['limit', '1.5'],
      ['limit', 'ten'],
      ['limit', 'NaN'],
      ['limit', ''],
      ['limit', ['5', '6']],
      ['cursor', ''],
      ['cursor', 'junk'],
      ['cursor', '1'],
      ['cursor', "' OR 1=1 --"],
      ['cursor', [randomUUID(), randomUUID()]],
      ['cursor', `${randomUUID()}x`],
    ])('refuses the %s %j with 422', async (name, value) => {
      app.statements.length = 0;
      const { status, body } = await list({ [name]: value });
      expect([status, body.code, body.errors[0].path]).toEqual([422, 'validation_failed', `query.${name}`]);
      expect(app.statements).toEqual([]);
    });

    it('takes one statement, as does everything done to a todo', async () => {
      const { body } = await create({ title: 'Buy milk' });
      const counts: number[] = [];
      for (const ask of [
        () => list(),
        () => read(body.id),
        () => change(body.id, { completed: true }),
        () => create({ title: 'x' }),
        () => remove(body.id),
      ]) {
        app.statements.length = 0;
        await ask();
        counts.push(app.statements.length);
      }
      expect(counts).toEqual([1, 1, 1, 1, 1]);
    });
  });

  describe('of another user', () => {
    it('look exactly like todos that do not exist, and stay as they are (ASVS 8.2.2)', async () => {
      const bob = await app.signUp();
      const { body: his } = await create({ title: 'Bob’s' }, bob);
      const asks = {
        read: (id: string) => read(id),
        change: (id: string) => change(id, { title: 'Ada’s now' }),
        remove: (id: string) => remove(id),
      };
      for (const [name, ask] of Object.entries(asks)) {
        const [foreign, absent] = [await ask(his.id), await ask(uuidv7())];
        expect(foreign.status, name).toBe(404);
        const { request_id: _one, ...foreignBody } = foreign.body;
        const { request_id: _other, ...absentBody } = absent.body;
        expect(foreignBody).toEqual(absentBody);
        expect(Object.keys(foreign.headers)).toEqual(Object.keys(absent.headers));
      }
      expect((await read(his.id, bob)).body).toEqual(his);
    });

    it('are only in the list of that user, with any cursor', async () => {
      const bob = await app.signUp();
      const before = uuidv7();
      const { body: his } = await create({ title: 'Bob’s' }, bob);
      await create({ title: 'Ada’s' });
      expect(await titles()).toEqual(['Ada’s']);
      expect(await titles(bob)).toEqual(['Bob’s']);
      for (const cursor of [before, his.id])
        expect((await list({ cursor })).body.data.map((todo: { title: string }) => todo.title)).toEqual(['Ada’s']);
    });

    it('cannot be created or taken by naming a user in the body', async () => {
      const bob = await app.signUp();
      const { body: hers } = await create({ title: 'Ada’s' });
      for (const field of ['user_id', 'userId', 'user', 'id', 'created_at', 'updated_at']) {
        for (const answer of [
          await create({ title: 'x', [field]: bob.userId }),
          await change(hers.id, { [field]: bob.userId }),
        ])
          expect([answer.status, answer.body.errors[0].path]).toEqual([422, field]);
      }
      expect(await titles(bob)).toEqual([]);
      expect((await read(hers.id)).body).toEqual(hers);
    });
  });

  it.each([
    '1',
    'junk',
    'null',
    "' OR 1=1 --",
    '%00',
    '..%2f..%2fetc',
    randomUUID().slice(0, -1),
    '%F0%9F%92%A5',
    '[object Object]',
  ])('whose id is %j are not found, without a query', async (id) => {
    app.statements.length = 0;
    for (const answer of [await read(id), await change(id, { title: 'x' }), await remove(id)])
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    expect(app.statements).toEqual([]);
  });

  describe('titles', () => {
    it('have 1 to 500 characters', async () => {
      for (const title of ['x', 'x'.repeat(500)]) expect((await create({ title })).status).toBe(201);
      const { body } = await create({ title: 'as it was' });
      for (const title of ['', 'x'.repeat(501)])
        for (const answer of [await create({ title }), await change(body.id, { title })])
          expect([answer.status, answer.body.errors[0].path]).toEqual([422, 'title']);
      expect((await read(body.id)).body.title).toBe('as it was');
    });

    it.each([undefined, null, 1, true, ['x'], { not: '' }])('are text, not %j', async (title) => {
      const { status, body } = await create({ title });
      expect([status, body.errors[0].path]).toEqual([422, 'title']);
    });

    it.each(['NUL \0 inside', '\0', 'half \ud800 a pair', '\udc00 the other half', '\ude00\ud83d turned round'])(
      'are valid Unicode text that the database can store: %j gets 422',
      async (title) => {
        const { body: made } = await create({ title: 'fine' });
        for (const answer of [await create({ title }), await change(made.id, { title })])
          expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
      },
    );

    it('come back exactly as they were sent (ASVS 1.2.3, 1.2.4)', async () => {
      const naughty = [
        "'; DROP TABLE todo; --",
        "1' OR '1'='1",
        '" OR ""="',
        '\\\'; DELETE FROM "user"; --',
        '$1',
        '$$',
        `\${7*7}`,
        '{{7*7}}',
        '%s%n%d',
        '%00',
        '../../etc/passwd',
        '<script>alert(1)</script>',
        '</script>',
        '<!--',
        '&lt;',
        'javascript:alert(1)',
        'undefined',
        'null',
        'NaN',
        'true',
        '0',
        '-1',
        '1e400',
        '{}',
        '[]',
        '{"__proto__":{"roles":["admin"]}}',
        '__proto__',
        ' ',
        ' padded ',
        '\t',
        'line\nbreak\r\nand another',
        '\u2028\u2029',
        '\u0001\u001f\u007f',
        'not first \ufeff',
        '\ufffe\uffff',
        'İıſK',
        'ﷺ',
        'Ω≈ç√∫',
        '社會科學院',
        'ﺍﻟﻠﻐﺓ ﺍﻟﻌﺮﺒﻴﺓ',
        'Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮',
        '\u202eturned round',
        '👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿',
        '\u{10ffff}',
        'e\u0301 stays decomposed',
        'a\u200bb',
        '`id`',
        '$(id)',
        '|| id',
        '\x1b[31mred',
      ];
      for (const title of naughty) {
        const { status, body } = await create({ title });
        expect([status, body.title], JSON.stringify(title)).toEqual([201, title]);
      }
      expect(await titles()).toEqual(naughty);
      expect(await app.deps.db.user.count()).toBeGreaterThan(0);
    });
  });

  it('with a byte order mark at the start are refused, not changed', async () => {
    const { status, body } = await create({ title: '\ufeffBOM' });
    expect([status, body.errors[0].path]).toEqual([422, 'title']);
  });

  it('cannot be created by a user who was just deleted: 401, as on any other route', async () => {
    await app.deps.db.user.delete({ where: { id: ada.userId } });
    const { status, body } = await create({ title: 'too late' });
    expect([status, body.code]).toEqual([401, 'session_revoked']);
  });

  it('are completed or not: anything but true and false is refused', async () => {
    const { body: made } = await create({ title: 'x' });
    for (const completed of ['true', 1, null, [], {}])
      for (const answer of [await create({ title: 'x', completed }), await change(made.id, { completed })])
        expect([answer.status, answer.body.errors[0].path]).toEqual([422, 'completed']);
  });
});

it('a user may have as many todos as TODOS_PER_USER says, whatever others have', async () => {
  const app = await startAppForTest({ TODOS_PER_USER: '3' });
  const [ada, bob] = [await app.signUp(), await app.signUp()];
  const create = (user: SignedUp) => app.http.post('/todos').set(user.bearer).send({ title: 'One more' });
  const made: string[] = [];
  for (let time = 0; time < 3; time++) made.push((await create(ada).expect(201)).body.id);
  const refused = await create(ada);
  expectProblem(refused, 'quota_exceeded');
  expect(refused.body.detail).toContain('3 todos');
  await create(bob).expect(201);
  await app.http.delete(`/todos/${made[0]}`).set(ada.bearer).expect(204);
  await create(ada).expect(201);
  await create(ada).expect(409);
});
