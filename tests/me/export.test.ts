import { expect, it } from 'vitest';
import { exported, exportSchema } from '../../src/me/export.js';
import { startAppForTest } from '../support/app.js';
import { mailTo, outboxEmpty } from '../support/mails.js';

it('GET /me/export returns all data about the user, and no data of others or secrets', async () => {
  const app = await startAppForTest();
  const other = await app.signUp({ username: 'other', email: 'other@example.com' });
  const user = await app.signUp({ username: 'ada', email: 'ada@example.com' });
  const { token } = await mailTo(app, 'ada@example.com');
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
    ['verify', 'ada@example.com'],
    ['verify', 'ada@new.example'],
  ]);
  expect(held.mailed_tokens).toEqual([{ purpose: 'verify', email: 'ada@new.example', expires_at: expect.any(String) }]);
  expect(answer.text).not.toMatch(/argon2|hash|nonce|other/);
  for (const secret of [token, user.refreshToken, user.accessToken]) expect(answer.text).not.toContain(secret);
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
