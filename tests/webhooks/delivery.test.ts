import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { ownVersion } from '../../src/platform/process/version.js';
import { startAppForTest, type TestApp } from '../support/app.js';
import { eventually, mailTo } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8', WEBHOOK_TIMEOUT: '1s' };
// Those of src/own/events.ts would have deliveries too.
const withoutHandlers = { own: { on: {} } };

async function prepared(
  fields: { events?: string[]; url?: string } = {},
  answer?: Parameters<typeof startReceiver>[0],
) {
  const receiver = await startReceiver(answer);
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const webhook = await createWebhook(app, admin, { url: receiver.url, ...fields });
  return { receiver, app, admin, webhook };
}

const delivery = async ({ deps }: TestApp) => (await deps.db.webhookDelivery.findMany({ take: 1 }))[0];

const dueNow = async ({ deps }: TestApp) => {
  await deps.db.$executeRaw`UPDATE webhook_delivery SET due_at = clock_timestamp()`;
  deps.webhookWake.wake();
};

describe('An event', () => {
  it('arrives signed as Standard Webhooks says, with the user as an admin sees them, and is marked', async () => {
    const { receiver, app, admin, webhook } = await prepared({ events: ['roles.changed'] });
    const user = await app.signUp();
    await app.http
      .patch(`/admin/users/${user.userId}`)
      .set(admin.bearer)
      .send({ roles: ['editor'] })
      .expect(200);
    await eventually(() => receiver.received.length === 1);
    const [{ headers, body, id } = { headers: {}, body: '', id: '' }] = receiver.received;
    const seen = await app.http.get(`/admin/users/${user.userId}`).set(admin.bearer).expect(200);
    expect(new Webhook(webhook.secret).verify(body, headers)).toEqual({
      type: 'roles.changed',
      timestamp: expect.any(String),
      data: { id, user_id: user.userId, actor_id: admin.userId, detail: { roles: ['editor'] }, user: seen.body },
    });
    expect(headers).toMatchObject({ 'webhook-id': `evt_${id}`, 'user-agent': `Gatelatch/${ownVersion()}` });
    await eventually(async () => (await delivery(app))?.deliveredAt !== null);
    expect(await delivery(app)).toMatchObject({ attempts: 1, lastStatus: 204, lastError: null });
    expect(await app.deps.metrics.read()).toContain('gatelatch_webhook_attempts_total{outcome="delivered"} 1');
  });

  it('is signed by both secrets after a rotation', async () => {
    const { receiver, app, admin, webhook } = await prepared({ events: ['user.created'] });
    const { body } = await app.http.post(`/admin/webhooks/${webhook.id}/rotate-secret`).set(admin.bearer).expect(200);
    await app.signUp();
    await eventually(() => receiver.received.length === 1);
    for (const secret of [webhook.secret, body.secret])
      new Webhook(secret).verify(receiver.received[0]?.body ?? '', receiver.received[0]?.headers ?? {});
  });

  it('that was rolled back is not sent', async () => {
    const { receiver, app } = await prepared({ events: ['user.disabled'] });
    const rolledBack = app.deps.db.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO audit_event (id, action) VALUES (gen_random_uuid(), 'user.disabled')`;
      throw new Error('changed my mind');
    });
    await expect(rolledBack).rejects.toThrow('changed my mind');
    await dueNow(app);
    expect(await app.deps.db.webhookDelivery.count()).toBe(0);
    expect(receiver.received).toEqual([]);
  });
});

describe('An attempt that fails', () => {
  it('is made again after about five seconds, with the same id', async () => {
    let status = 500;
    const { receiver, app } = await prepared({ events: ['user.created'] }, (reply) => reply.writeHead(status).end());
    await app.signUp();
    await eventually(async () => (await delivery(app))?.lastError === 'answered 500');
    const wait = Number((await delivery(app))?.dueAt) - Number((await delivery(app))?.lastAttemptAt);
    expect(wait).toBeGreaterThanOrEqual(3_900);
    expect(wait).toBeLessThanOrEqual(6_100);
    status = 204;
    await dueNow(app);
    await eventually(async () => (await delivery(app))?.deliveredAt !== null);
    const [first, second] = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(first).toBe(second);
  });

  it('waits as long as Retry-After of a 503 says, and is given up after the tenth', async () => {
    const { app } = await prepared({ events: ['user.created'] }, (reply) =>
      reply.writeHead(503, { 'Retry-After': '3000' }).end(),
    );
    await app.signUp();
    await eventually(async () => (await delivery(app))?.lastError === 'answered 503');
    const due = await delivery(app);
    expect(Number(due?.dueAt) - Number(due?.lastAttemptAt)).toBeGreaterThan(2_990_000);
    await app.deps.db.$executeRaw`UPDATE webhook_delivery SET attempts = 9`;
    await dueNow(app);
    await eventually(async () => (await delivery(app))?.failedAt !== null);
    expect((await delivery(app))?.attempts).toBe(10);
  });

  it.each<[string, Parameters<typeof startReceiver>[0], string]>([
    ['a redirect', (reply) => reply.writeHead(302, { Location: '/elsewhere' }).end(), 'redirects are not followed'],
    ['no answer', () => undefined, 'no answer in time'],
    ['a head that comes byte by byte', (reply) => dripHead(reply), 'no answer in time'],
    ['a head that never ends', (reply) => void reply.socket?.write('HTTP/1.1 200 OK\r\nX: '), 'no answer in time'],
  ])('by %s is told in plain words', async (_, answer, why) => {
    const { receiver, app } = await prepared({ events: ['user.created'] }, answer);
    await app.signUp();
    await eventually(async () => ((await delivery(app))?.lastError ?? '').includes(why));
    expect(receiver.received).toHaveLength(1);
    // What the processor is busy with comes on top of the second.
    expect((await delivery(app))?.durationMs).toBeLessThan(4_000);
  });
});

/** A head without an end, which never pauses for long. */
function dripHead(reply: ServerResponse): void {
  reply.socket?.write('HTTP/1.1 200 OK\r\nX: ');
  const timer = setInterval(() => reply.socket?.write('.'), 100);
  reply.once('close', () => clearInterval(timer));
}

it.each<[string, (reply: ServerResponse) => unknown]>([
  ['dripping', (reply) => reply.writeHead(200).write('.')],
  ['huge', (reply) => reply.writeHead(200).end(Buffer.alloc(50_000_000))],
])('a %s answer with 200 counts, and its body is forgotten', async (_, answer) => {
  const { app } = await prepared({ events: ['user.created'] }, answer);
  await app.signUp();
  await eventually(async () => (await delivery(app))?.deliveredAt !== null);
});

describe('A webhook is disabled, and its maker is told,', () => {
  async function expectDisabled(reason: string, status: number, before: (app: TestApp) => Promise<unknown>) {
    const receiver = await startReceiver((reply) => reply.writeHead(status).end());
    const app = await startAppForTest(settings, withoutHandlers);
    const admin = await withRole(app, await app.signUp(), 'admin');
    await app.deps.db.user.update({
      where: { id: admin.userId },
      data: { email: 'maker@example.com', emailKey: 'maker@example.com', emailVerifiedAt: new Date() },
    });
    const webhook = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
    await before(app);
    await app.signUp();
    await eventually(
      async () => (await app.deps.db.webhook.findUnique({ where: { id: webhook.id } }))?.disabledReason === reason,
    );
    expect((await mailTo(app, 'maker@example.com', /webhook was disabled/)).text).toContain('127.0.0.1');
    expect(await app.deps.db.auditEvent.count({ where: { action: 'webhook.disabled' } })).toBe(1);
    await app.signUp();
    expect(await app.deps.db.webhookDelivery.count()).toBe(1);
    expect((await delivery(app))?.failedAt).toBeNull();
  }

  it('when it answers 410', () => expectDisabled('gone', 410, async () => undefined));

  it('when for five days nothing has succeeded', () =>
    expectDisabled(
      'failing',
      500,
      ({ deps }) => deps.db.$executeRaw`UPDATE webhook SET failing_since = clock_timestamp() - interval '121 hours'`,
    ));
});

it('addresses of the inside are refused when connecting, also where a name has them', async () => {
  const receiver = await startReceiver();
  const app = await startAppForTest({}, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  await createWebhook(app, admin, { url: receiver.url.replace('127.0.0.1', 'localhost'), events: ['user.created'] });
  await app.signUp();
  await eventually(async () => ((await delivery(app))?.lastError ?? '').includes('not public'));
  for (const host of [
    '127.0.0.1',
    '127.0.0.1.',
    '127.1',
    '0177.0.0.1',
    '0x7f.1',
    '2130706433',
    '①②⑦.⓪.⓪.①',
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '192.168.0.1',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fd00::1]',
    '[fe80::1]',
    'LOCALHOST',
  ]) {
    await app.deps.db.$executeRaw`UPDATE webhook SET url = ${`http://${host}:${new URL(receiver.url).port}/`}`;
    await app.deps.db.$executeRaw`UPDATE webhook_delivery SET last_error = NULL, attempts = 0`;
    await dueNow(app);
    await eventually(async () => ((await delivery(app))?.lastError ?? '').includes('not public'));
  }
  expect(receiver.received).toEqual([]);
});

it('a handler in code runs after the commit, and again when it throws', async () => {
  const events: unknown[] = [];
  const app = await startAppForTest(settings, {
    own: {
      on: {
        'user.created': async ({ data }, { db }) => {
          events.push((await db.user.findUnique({ where: { id: data.user_id ?? '' } }))?.username);
          if (events.length === 1) throw new Error('not yet');
        },
      },
    },
  });
  const { username } = await app.signUp();
  await eventually(async () => (await delivery(app))?.lastError === 'the handler threw Error');
  await dueNow(app);
  await eventually(async () => (await delivery(app))?.deliveredAt !== null);
  expect(events).toEqual([username, username]);
});
