import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { outboxVitals } from '../../../src/platform/outbox/queue.js';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { lendDatabase } from '../../support/lent-databases.js';
import { eventually, outboxEmpty } from '../../support/mails.js';
import { refusal, type SmtpSink, startSmtpSink, type Temper } from '../../support/smtp-sink.js';

async function sinkForTest(...args: Parameters<typeof startSmtpSink>): Promise<SmtpSink> {
  const sink = await startSmtpSink(...args);
  onTestFinished(sink.close);
  return sink;
}

const signUp = (app: TestApp, name: string) =>
  app.http
    .post('/auth/signup')
    .send({ username: name, password: goodPassword, email: `${name}@example.com` })
    .expect(201);

const forgot = (app: TestApp, name: string) =>
  app.http
    .post('/auth/password/forgot')
    .send({ email: `${name}@example.com` })
    .expect(202);

async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

describe('a mail over SMTP', () => {
  it('goes to one recipient, once and at once, with its Message-ID and marked as automatic', async () => {
    const sink = await sinkForTest();
    const app = await startAppForTest({ SMTP_URL: sink.url, MAIL_FROM: 'Gate <gate@example.org>' });
    const startedAt = performance.now();
    await signUp(app, 'ann');
    await eventually(() => sink.mails.length === 1);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await outboxEmpty(app);
    const [row] = await app.deps.db.outbox.findMany();
    const [mail] = sink.mails;
    expect(mail?.envelopeTo).toEqual(['ann@example.com']);
    expect(mail?.id).toBe(`<${row?.id}@example.org>`);
    expect(mail?.raw).toMatch(/^From: Gate <gate@example\.org>\r\nTo: <ann@example\.com>\r\n/m);
    expect(mail?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(mail?.token).toMatch(/^[\w-]{43}$/);
    expect(row).toMatchObject({ attempts: 1, failedAt: null, lastError: null });
  });

  it('is sent with the login in SMTP_URL, and the password is never logged', async () => {
    const users: unknown[] = [];
    const sink = await sinkForTest({}, 0, {
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        users.push([username, password]);
        done(null, { user: username });
      },
    });
    const app = await startAppForTest({ SMTP_URL: `smtp://mailer:s3cret%2Fword@127.0.0.1:${sink.port}` });
    await signUp(app, 'ann');
    await eventually(() => sink.mails.length === 1);
    expect(users).toEqual([['mailer', 's3cret/word']]);
    expect(JSON.stringify(app.logs)).not.toContain('s3cret');
  });

  it('arrives once after the server refused connections, then recipients, then the message', async () => {
    let refusals = 0;
    const temper: Temper = {
      recipient: async () => {
        if (++refusals <= 1) throw refusal(451);
      },
      data: async () => {
        if (++refusals <= 3) throw refusal(554);
      },
    };
    const away = await startSmtpSink();
    await away.close();
    const app = await startAppForTest({ SMTP_URL: away.url });
    await signUp(app, 'ann');
    await eventually(async () => (await app.deps.db.outbox.count({ where: { attempts: { gte: 1 } } })) === 1);
    const back = await sinkForTest(temper, away.port);
    await outboxEmpty(app, 30_000);
    expect(back.mails).toHaveLength(1);
    expect(refusals).toBeGreaterThan(2);
    expect(await app.http.post('/auth/email/verify').send({ token: back.mails[0]?.token })).toMatchObject({
      status: 204,
    });
  }, 40_000);

  it('delays no response, whether the server is fast, away or stalls for 30 s', async () => {
    const fast = await sinkForTest();
    const stalling = await sinkForTest({ connect: () => sleep(30_000, undefined, { ref: false }) });
    const away = await startSmtpSink();
    await away.close();
    const apps: TestApp[] = [];
    for (const { url } of [fast, away, stalling]) {
      const app = await startAppForTest({ SMTP_URL: url, SHUTDOWN_TIMEOUT: '1s', RATE_LIMIT: 'off' });
      await signUp(app, 'ann');
      apps.push(app);
    }
    // One after the other, so that a busy machine slows all of them alike.
    const rounds: number[][] = [];
    for (let round = 0; round < 40; round++) {
      const times: number[] = [];
      for (let turn = 0; turn < 3; turn++) {
        const which = (round + turn) % 3;
        times[which] = await timed(() => forgot(apps[which] as TestApp, 'ann'));
      }
      rounds.push(times);
    }
    for (const other of [1, 2]) {
      const slower = rounds.filter((times) => Number(times[other]) > Number(times[0])).length;
      // Half of them, plus or minus five standard deviations.
      expect(slower, `${other}`).toBeGreaterThan(4);
      expect(slower, `${other}`).toBeLessThan(36);
    }
    expect(stalling.connections).toBeGreaterThan(0);
    expect(stalling.mails).toEqual([]);
  }, 60_000);

  it('arrives once from a server that accepts it slowly', async () => {
    const slow = await sinkForTest({ data: () => sleep(3_000) });
    const app = await startAppForTest({ SMTP_URL: slow.url });
    await signUp(app, 'ann');
    await signUp(app, 'bob');
    await outboxEmpty(app);
    await sleep(500);
    expect(slow.mails.map(({ to }) => to).sort()).toEqual(['<ann@example.com>', '<bob@example.com>']);
  });

  it('outlives a restart while the server stalls, and arrives once then', async () => {
    const database = await lendDatabase();
    onTestFinished(database.drop);
    const stalling = await startSmtpSink({ connect: () => sleep(30_000, undefined, { ref: false }) });
    const settings = { SMTP_URL: stalling.url, SHUTDOWN_TIMEOUT: '1s' };
    const first = await startApp(settings, { database });
    for (const name of ['ann', 'bob', 'cleo']) await signUp(first, name);
    await eventually(() => stalling.connections === 3);
    expect(await timed(first.stop)).toBeLessThan(8_000);
    await stalling.close();
    const sink = await sinkForTest({}, stalling.port);
    const second = await startAppForTest(settings, { database });
    await outboxEmpty(second);
    expect(sink.mails.map(({ to }) => to).sort()).toEqual(
      ['ann', 'bob', 'cleo'].map((name) => `<${name}@example.com>`),
    );
    expect(stalling.mails).toEqual([]);
  }, 60_000);

  it('is finished during a shutdown that has time for it', async () => {
    const slow = await sinkForTest({ data: () => sleep(1_000) });
    const database = await lendDatabase();
    onTestFinished(database.drop);
    const app = await startApp({ SMTP_URL: slow.url }, { database });
    await signUp(app, 'ann');
    await eventually(() => slow.connections === 1);
    await app.stop();
    expect(slow.mails).toHaveLength(1);
    const again = await startAppForTest({ SMTP_URL: slow.url }, { database });
    await outboxEmpty(again);
    await sleep(300);
    expect(slow.mails).toHaveLength(1);
  });

  it('is sent by another worker after the lease of a dead worker has ended', async () => {
    const sink = await sinkForTest();
    const app = await startAppForTest({ SMTP_URL: sink.url });
    await app.deps.db.outbox.create({
      data: {
        id: '01890a5d-ac96-774b-bcce-b302099a8057',
        purpose: 'user_deleted',
        recipient: 'ann@example.com',
        attempts: 1,
        dueAt: new Date(Date.now() + 1_500),
      },
    });
    app.deps.outboxWake.wake();
    await sleep(700);
    expect(sink.mails).toEqual([]);
    await eventually(() => sink.mails.length === 1);
  });

  it('becomes a dead letter after the last attempt, is counted and logged, and is not tried again', async () => {
    const refusing = await sinkForTest({
      recipient: async () => {
        throw refusal(550);
      },
    });
    const app = await startAppForTest({ SMTP_URL: refusing.url });
    await app.deps.db.outbox.create({
      data: {
        id: '01890a5d-ac96-774b-bcce-b302099a8057',
        purpose: 'user_deleted',
        recipient: 'a@example.com',
        attempts: 9,
      },
    });
    app.deps.outboxWake.wake();
    await eventually(async () => (await outboxVitals(app.deps)).failed === 1);
    expect(await outboxVitals(app.deps)).toEqual({ waiting: 0, failed: 1, oldestWaitingSeconds: null });
    const [row] = await app.deps.db.outbox.findMany();
    expect(row?.lastError).toMatch(/550/);
    expect(app.logs).toContainEqual(expect.objectContaining({ msg: 'a mail was given up', attempts: 10 }));
    const tries = refusing.connections;
    app.deps.outboxWake.wake();
    await sleep(300);
    expect(refusing.connections).toBe(tries);
    expect(JSON.stringify([row?.lastError, app.logs])).not.toContain('a@example.com');
  });
});

describe('a mail without SMTP_URL', () => {
  it('is a file that only its owner can read, and a log line names the file without the token', async () => {
    const { statSync } = await import('node:fs');
    const app = await startAppForTest();
    await signUp(app, 'ann');
    await outboxEmpty(app);
    const line = app.logs.find(({ file }) => file !== undefined);
    const file = String(line?.file);
    expect(file.startsWith(app.config.mail.folder)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(app.config.mail.folder).mode & 0o777).toBe(0o700);
    expect(app.logs.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  it('causes a warning in production', async () => {
    const app = await startAppForTest({ NODE_ENV: 'production', JWT_ISSUER: 'https://auth.example' });
    expect(app.logs).toContainEqual(
      expect.objectContaining({ level: 40, msg: expect.stringContaining('SMTP_URL is not set') }),
    );
  });
});
