import { expect, it, onTestFinished } from 'vitest';
import { goodPassword, startApp } from '../../support/app.js';
import { outboxEmpty } from '../../support/mails.js';
import { refusal, startSmtpSink } from '../../support/smtp-sink.js';
import { createServerDatabase } from '../../support/test-database.js';

it('several instances send each mail once in total, even if the server sometimes refuses', async () => {
  const database = await createServerDatabase();
  let asked = 0;
  const sink = await startSmtpSink({
    data: async () => {
      if (++asked % 4 === 0) throw refusal(451);
    },
  });
  const settings = { SMTP_URL: sink.url, RATE_LIMIT: 'off' };
  const apps = await Promise.all([1, 2, 3].map(() => startApp(settings, { databaseUrl: database.url })));
  onTestFinished(async () => {
    await Promise.all(apps.map((app) => app.stop()));
    await sink.close();
    await database.drop();
  });
  const names = Array.from({ length: 60 }, (_, n) => `shared-${n}`);
  const answers = await Promise.all(
    names.map((username, n) =>
      apps[n % 3]?.http
        .post('/auth/signup')
        .send({ username, password: goodPassword, email: `${username}@example.com` }),
    ),
  );
  expect(answers.filter((answer) => answer?.status === 201)).toHaveLength(60);
  await outboxEmpty(apps[0] as (typeof apps)[0], 40_000);
  expect(sink.mails.map(({ to }) => to).sort()).toEqual(names.map((name) => `<${name}@example.com>`).sort());
  expect(asked).toBeGreaterThan(70);
}, 60_000);

it('a mail that was sent while the database was unavailable is marked as sent once it is back', async () => {
  // The lock stands for a database that does not answer, so the mark has to be retried.
  const database = await createServerDatabase();
  const sink = await startSmtpSink();
  const app = await startApp({ SMTP_URL: sink.url }, { databaseUrl: database.url });
  onTestFinished(async () => {
    await app.stop();
    await sink.close();
    await database.drop();
  });
  const blocker = await startApp({}, { databaseUrl: database.url });
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await app.signUp({ username: 'ann', email: 'ann@example.com' });
  // The mail is taken and may be sent already; its mark waits for this lock.
  const held = blocker.deps.db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT id FROM outbox FOR UPDATE`;
    await released;
  });
  setTimeout(release, 2_500);
  await held;
  await outboxEmpty(app);
  await blocker.stop();
  expect(sink.mails).toHaveLength(1);
});
