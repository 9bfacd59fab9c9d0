import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { networkOf } from '../../src/webhooks/addresses.js';
import { deliver } from '../../src/webhooks/deliver.js';
import { createLookUp } from '../../src/webhooks/look-up.js';
import { post } from '../../src/webhooks/post.js';
import { ownWebhookId } from '../../src/webhooks/webhooks.js';
import { startAppForTest, type TestApp } from '../support/app.js';
import { eventually } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8' };
const withoutHandlers = { own: { on: {} } };

const deliveriesOf = ({ deps }: TestApp, webhookId: string) =>
  deps.db.webhookDelivery.findMany({ where: { webhookId }, orderBy: { createdAt: 'asc' } });

/** Writes as fast as it is read, until the connection ends. @returns its URL, and how much it wrote */
async function startFlood(chunk: string) {
  const flood = { url: '', bytes: 0 };
  const server = createServer((socket) => {
    const write = () => {
      while (!socket.destroyed && socket.write(chunk)) flood.bytes += chunk.length;
      socket.once('drain', write);
    };
    socket.on('error', () => undefined).once('data', write);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  flood.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return flood;
}

it.each([
  ['interim answers', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ['empty lines', '\r\n'],
])('a flood of %s before the answer is cut, and takes no time from logins', async (_, text) => {
  const { url } = await startFlood(text.repeat(2_000));
  const allow = [networkOf('127.0.0.0/8')].filter((network) => network !== undefined);
  const signal = AbortSignal.timeout(2_000);
  await expect(post(new URL(url), { headers: {}, body: '{}', allow, signal })).rejects.toThrow();
  expect(signal.aborted).toBe(false);
});

it('a new URL is not disabled for what the one before has failed', async () => {
  const receiver = await startReceiver((reply) => void reply.writeHead(500).end());
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  const failingSince = async () => (await app.deps.db.webhook.findUniqueOrThrow({ where: { id } })).failingSince;
  const change = (fields: object) => app.http.patch(`/admin/webhooks/${id}`).set(admin.bearer).send(fields).expect(200);
  await app.signUp();
  await eventually(async () => (await failingSince()) !== null);
  await change({ description: 'The shop' });
  expect(await failingSince()).not.toBeNull();
  await change({ url: 'https://hooks.example.com/mended' });
  expect(await failingSince()).toBeNull();
});

it('an attempt does not begin once the server stops', async () => {
  const receiver = await startReceiver(() => undefined);
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id: webhookId, url } = await createWebhook(app, admin, { url: receiver.url });
  const { sealedSecret } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id: webhookId } });
  const event = { eventId: admin.userId, action: 'user.created', at: new Date(), userId: admin.userId };
  const due = {
    webhookId,
    url,
    sealedSecret,
    ...event,
    sealedPrevious: null,
    actorId: null,
    detail: {},
    keyName: null,
  };
  // It reads the user meanwhile.
  const stopping = new AbortController();
  const attempt = deliver(app.deps, {}, { ...due, attempts: 1 }, stopping.signal);
  stopping.abort(new Error('The server is stopping.'));
  await expect(attempt).rejects.toThrow('stopping');
  expect(receiver.received).toEqual([]);
});

it('of webhooks with nothing under way, no statement says anything', async () => {
  const receiver = await startReceiver();
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  await app.signUp();
  await eventually(async () => !!(await deliveriesOf(app, id))[0]?.deliveredAt);
  const asked = vi.spyOn(app.deps.db, 'direct');
  app.deps.webhookWake.wake();
  await eventually(() => asked.mock.calls.length > 1);
  expect(JSON.stringify(asked.mock.calls)).not.toContain(id);
});

it('the handlers in code cannot be pinged: it would wait for good', async () => {
  const app = await startAppForTest(settings, { own: { on: { 'user.created': async () => undefined } } });
  const admin = await withRole(app, await app.signUp(), 'admin');
  expectProblem(await app.http.post(`/admin/webhooks/${ownWebhookId}/ping`).set(admin.bearer), 'webhook_fixed');
});

it('a handler may throw what has any name', async () => {
  const on = {
    'user.created': () => Promise.reject(Object.assign(new Error('no'), { name: `a\0b${'c'.repeat(1_000)}` })),
  };
  const app = await startAppForTest(settings, { own: { on } });
  await app.signUp();
  const failed = async () => (await deliveriesOf(app, ownWebhookId))[0]?.lastError;
  await eventually(async () => (await failed()) !== null);
  expect(await failed()).toBe(`the handler threw a b${'c'.repeat(57)}`);
});

it('a name that was found waits for none that hangs', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const found = [{ address: '203.0.113.1', family: 4 }];
  const lookup = async (name: string) => (name === 'good' ? found : await new Promise<never>(() => undefined));
  const spied = vi.spyOn(dns, 'lookup').mockImplementation(lookup as unknown as typeof dns.lookup);
  onTestFinished(() => spied.mockRestore());
  const lookUp = createLookUp();
  expect(await lookUp('good')).toEqual(found);
  for (const name of ['one', 'two', 'three']) void lookUp(name);
  vi.advanceTimersByTime(11_000);
  expect(await Promise.race([lookUp('good'), sleep(500)])).toEqual(found);
  expect(spied.mock.calls.map(([name]) => name)).toEqual(['good', 'one', 'good']);
});

it('a webhook that is back waits for no older events of others that hang', { timeout: 60_000 }, async () => {
  const [hanging, receiver] = [await startReceiver(() => undefined), await startReceiver()];
  const app = await startAppForTest({ ...settings, WEBHOOK_TIMEOUT: '1s' }, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  for (let n = 0; n < 15; n += 1)
    await createWebhook(app, admin, { url: `${hanging.url}?${n}`, events: ['user.created'] });
  await app.deps.db.$executeRaw`
    INSERT INTO audit_event (id, action, detail) SELECT gen_random_uuid(), 'user.created', '{}' FROM generate_series(1, 50)`;
  await app.deps.db.$executeRaw`UPDATE webhook SET failing_since = clock_timestamp()`;
  app.deps.webhookWake.wake();
  await sleep(3_000);
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  await app.deps.db.$executeRaw`
    UPDATE webhook SET failing_since = clock_timestamp(), last_attempt_at = clock_timestamp() WHERE id = ${id}::uuid`;
  await app.signUp();
  await eventually(() => receiver.received.length === 1, 8_000);
});

it('a body that drips holds a place for a second, not until the time is over', async () => {
  const receiver = await startReceiver((reply) => {
    reply.writeHead(200);
    const dripping = setInterval(() => reply.write('.'), 100);
    reply.once('close', () => clearInterval(dripping));
  });
  const signal = AbortSignal.timeout(15_000);
  const allow = [networkOf('127.0.0.0/8')].filter((network) => network !== undefined);
  const body = JSON.stringify({ type: 'x', data: {} });
  const beganAt = performance.now();
  const { status } = await post(new URL(receiver.url), { headers: {}, body, allow, signal });
  expect(status).toBe(200);
  expect(performance.now() - beganAt).toBeLessThan(5_000);
});

it('receivers that answer late, though well, leave places to others', { timeout: 60_000 }, async () => {
  const late = await startReceiver((reply) => void setTimeout(() => reply.writeHead(204).end(), 2_500));
  const receiver = await startReceiver();
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  for (let n = 0; n < 4; n += 1) await createWebhook(app, admin, { url: `${late.url}?${n}`, events: ['user.created'] });
  await app.deps.db.$executeRaw`
    INSERT INTO audit_event (id, action, detail) SELECT gen_random_uuid(), 'user.created', '{}' FROM generate_series(1, 50)`;
  app.deps.webhookWake.wake();
  // Each has shown what it is.
  await eventually(
    async () => (await app.deps.db.webhook.count({ where: { lastDurationMs: { gte: 2_000 } } })) === 4,
    20_000,
  );
  await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  await app.signUp();
  await eventually(() => receiver.received.length === 1, 2_000);
});

it('an event that cannot be prepared is tried as often as others, and no more', async () => {
  const app = await startAppForTest(settings, withoutHandlers);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id } = await createWebhook(app, admin, { events: ['user.created'] });
  const { db, webhookWake } = app.deps;
  await db.$executeRaw`ALTER TABLE "user" RENAME TO user_away`;
  await db.$executeRaw`
    INSERT INTO audit_event (id, action, user_id, detail) VALUES (gen_random_uuid(), 'user.created', ${admin.userId}::uuid, '{}')`;
  webhookWake.wake();
  const only = async () => (await deliveriesOf(app, id))[0];
  await eventually(async () => !!(await only())?.lastError);
  expect(await only()).toMatchObject({
    attempts: 1,
    lastError: 'it could not be prepared: see the log',
    failedAt: null,
  });
  await db.$executeRaw`UPDATE webhook_delivery SET attempts = 9, due_at = clock_timestamp()`;
  await eventually(async () => {
    webhookWake.wake();
    return !!(await only())?.failedAt;
  });
  await db.$executeRaw`ALTER TABLE user_away RENAME TO "user"`;
});
