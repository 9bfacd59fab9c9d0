import { expect, it } from 'vitest';
import { tellOfExpiry } from '../../src/api-keys/expiry.js';
import { createServiceUser, makeKey, makeServiceKey } from '../support/api-keys.js';
import { startAppForTest, type TestApp } from '../support/app.js';
import { confirm, settledMails } from '../support/mails.js';
import { withRole } from '../support/rows.js';

/** Moves a key in time: it was made 80 days ago, and expires after this many days. */
async function expiresAfter({ deps }: TestApp, id: string, days: number): Promise<void> {
  await deps.db.$executeRaw`
    UPDATE api_key SET created_at = now() - interval '80 days', expires_at = now() + make_interval(hours => ${days * 24}::int)
    WHERE id = ${id}::uuid`;
}

const about = async (app: TestApp) =>
  (await settledMails(app))
    .filter(({ subject }) => /expire/.test(subject))
    .map(({ to, subject, text }) => ({ to, subject, text: text.replace(/=\r\n/g, '').replace(/\s+/g, ' ') }));

it('a week before a key expires its owner is told, once, by its name', async () => {
  const app = await startAppForTest();
  const ada = await app.signUp({ username: 'ada', email: 'ada@example.com' });
  await confirm(app, 'ada@example.com');
  const [soon, later, ended, short] = [
    await makeKey(app, ada, { name: 'Nightly backup' }),
    await makeKey(app, ada, { name: 'Later' }),
    await makeKey(app, ada, { name: 'Ended' }),
    await makeKey(app, ada, { name: 'For an hour', expires_in: 3_600 }),
  ];
  await expiresAfter(app, soon.id, 6);
  await expiresAfter(app, later.id, 9);
  await expiresAfter(app, ended.id, 6);
  await app.http.delete(`/me/api-keys/${ended.id}`).set(ada.bearer).expect(204);
  await Promise.all([tellOfExpiry(app.deps), tellOfExpiry(app.deps)]);
  await tellOfExpiry(app.deps);
  const mails = await about(app);
  expect(mails).toMatchObject([{ to: '<ada@example.com>', subject: 'An API key will expire soon' }]);
  expect(mails[0]?.text).toMatch(new RegExp(`expires on \\d{4}-\\d\\d-\\d\\d: Nightly backup \\(${soon.start}\\)\\.`));
  for (const { start } of [later, ended, short]) expect(mails[0]?.text).not.toContain(start);
});

it('of the key of a service user its maker is told', async () => {
  const app = await startAppForTest();
  const boss = await app.signUp({ username: 'boss', email: 'boss@example.com' });
  await confirm(app, 'boss@example.com');
  const admin = await withRole(app, boss, 'admin');
  const service = await createServiceUser(app, ['user']);
  const first = await makeServiceKey(app, admin, service, ['todos:read']);
  const second = await makeServiceKey(app, admin, service, ['todos:read']);
  // Those of the next day are told along, so that nobody gets a mail each hour.
  await expiresAfter(app, first.id, 7.5);
  await expiresAfter(app, second.id, 5);
  await tellOfExpiry(app.deps);
  const mails = await about(app);
  expect(mails).toMatchObject([{ to: '<boss@example.com>', subject: 'API keys will expire soon' }]);
  expect(mails[0]?.text).toContain(`(${second.start}), Nightly backup (${first.start}).`);
});

it('who has no verified address is not told', async () => {
  const app = await startAppForTest();
  const ada = await app.signUp({ username: 'ada', email: 'ada@example.com' });
  const { id } = await makeKey(app, ada);
  await expiresAfter(app, id, 6);
  await tellOfExpiry(app.deps);
  expect(await about(app)).toEqual([]);
});
