import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SMTPServerOptions } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { goodPassword, startAppForTest, type TestApp } from '../../support/app.js';
import { selfSignedCertificate } from '../../support/certificate.js';
import { ask, startInstance } from '../../support/instance.js';
import { eventually } from '../../support/mails.js';
import { type SmtpSink, startSmtpSink } from '../../support/smtp-sink.js';
import { createTestDatabase } from '../../support/test-database.js';

const { cert, key } = selfSignedCertificate();
const password = 's3cret-of-the-mailer';

/** What a server offers, and the SMTP_URL that asks for TLS. */
const ways: [what: string, options: SMTPServerOptions, url: (port: number) => string][] = [
  ['smtps://', { secure: true }, (port) => `smtps://mailer:${password}@127.0.0.1:${port}`],
  [
    'smtp://…?requireTLS=true',
    { disabledCommands: [] },
    (port) => `smtp://mailer:${password}@127.0.0.1:${port}?requireTLS=true`,
  ],
];

/** An SMTP server that accepts only this password and records all passwords it gets. */
async function sinkForTest(options: SMTPServerOptions): Promise<SmtpSink & { passwords: string[] }> {
  const passwords: string[] = [];
  const sink = await startSmtpSink({}, 0, {
    cert,
    key,
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) => {
      passwords.push(`${auth.password}`);
      if (auth.password === password) done(null, { user: 'mailer' });
      else done(new Error(`535 ${auth.username} is not ${auth.password}`));
    },
    ...options,
  });
  onTestFinished(sink.close);
  return Object.assign(sink, { passwords });
}

const signUp = (app: TestApp) => app.signUp({ username: 'ann', email: 'ann@example.com' });

/** The log lines of failed attempts, once there is one. */
async function failuresOf(app: TestApp): Promise<Record<string, unknown>[]> {
  const found = () => app.logs.filter(({ msg }) => msg === 'a mail could not be sent yet');
  await eventually(() => found().length > 0);
  return found();
}

async function expectKept(app: TestApp, why: RegExp): Promise<void> {
  for (const line of await failuresOf(app)) expect(line.why).toMatch(why);
  const [row] = await app.deps.db.outbox.findMany();
  expect(row).toMatchObject({ sentAt: null, failedAt: null, lastError: expect.stringMatching(why) });
  expect(JSON.stringify([app.logs, row?.lastError])).not.toMatch(/s3cret|ann@example\.com/);
}

describe.each(ways)('TLS to the SMTP server by %s', (_, options, url) => {
  it('sends nothing to a server with an untrusted certificate, keeps the mail, and logs why', async () => {
    const sink = await sinkForTest(options);
    const app = await startAppForTest({ SMTP_URL: url(sink.port) });
    await signUp(app);
    await expectKept(app, /^Error \w+ DEPTH_ZERO_SELF_SIGNED_CERT/);
    expect([sink.mails, sink.passwords]).toEqual([[], []]);
  });

  it('sends encrypted mail to a server that NODE_EXTRA_CA_CERTS makes trusted', async () => {
    const sink = await sinkForTest(options);
    const folder = mkdtempSync(join(tmpdir(), 'gatelatch-certificate-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const NODE_EXTRA_CA_CERTS = join(folder, 'ca.pem');
    writeFileSync(NODE_EXTRA_CA_CERTS, cert);
    const database = await createTestDatabase();
    onTestFinished(database.drop);
    const instance = await startInstance(database.url, { SMTP_URL: url(sink.port), NODE_EXTRA_CA_CERTS });
    onTestFinished(instance.stop);
    const body = { username: 'ann', password: goodPassword, email: 'ann@example.com' };
    expect((await ask(instance, 'POST /auth/signup', { body })).status).toBe(201);
    await eventually(() => sink.mails.length === 1);
    expect(sink.mails).toMatchObject([{ to: '<ann@example.com>', secure: true }]);
    expect(sink.passwords).toEqual([password]);
    expect(instance.logs.join()).not.toContain('s3cret');
  }, 60_000);

  it('sends neither mail nor password to a server without TLS', async () => {
    const sink = await sinkForTest({ disabledCommands: ['STARTTLS'] });
    const app = await startAppForTest({ SMTP_URL: url(sink.port) });
    await signUp(app);
    await expectKept(app, /^Error (ETLS|ESOCKET|ECONNECTION)/);
    expect([sink.mails, sink.passwords]).toEqual([[], []]);
  });
});

describe('an SMTP server that refuses the password of SMTP_URL', () => {
  it('leaves the mail waiting, and its reply is not quoted in the log or the outbox', async () => {
    const sink = await sinkForTest({ disabledCommands: ['STARTTLS'] });
    const app = await startAppForTest({ SMTP_URL: `smtp://mailer:s3cret-of-yesterday@127.0.0.1:${sink.port}` });
    await signUp(app);
    await expectKept(app, /^Error EAUTH AUTH \w+ 535$/);
    expect(sink.mails).toEqual([]);
  });
});
