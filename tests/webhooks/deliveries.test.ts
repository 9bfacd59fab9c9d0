import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { purgeDeliveries } from '../../src/webhooks/purge.js';
import { webhookVitals } from '../../src/webhooks/vitals.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { createWebhook, deleteWebhooks, holdDeliveries, queuedFor } from '../support/webhooks.js';

let app: TestApp;
let admin: SignedUp;
let id: string;
let release: () => Promise<void>;
beforeAll(async () => {
  app = await startApp();
  release = await holdDeliveries(app);
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(async () => {
  await release();
  await app.stop();
});
beforeEach(async () => {
  await deleteWebhooks(app);
  id = (await createWebhook(app, admin, { events: ['user.created'] })).id;
});

type Shown = { event_id: string; state: string; type: string | null };

const path = () => `/admin/webhooks/${id}`;
const get = (query = '') => app.http.get(`${path()}/deliveries${query}`).set(admin.bearer);
const post = (rest: string, body: object = {}) => app.http.post(`${path()}${rest}`).set(admin.bearer).send(body);
const hour = 3_600_000;
const ago = (hours: number) => new Date(Date.now() - hours * hour);

/** Users that sign up, and the ids of their events. */
async function signUps(count: number): Promise<string[]> {
  for (let done = 0; done < count; done++) await app.signUp();
  return (await app.deps.db.webhookDelivery.findMany({ where: { webhookId: id }, orderBy: { eventId: 'asc' } })).map(
    ({ eventId }) => eventId,
  );
}

const set = (eventId: string, data: object) =>
  app.deps.db.webhookDelivery.update({ where: { webhookId_eventId: { webhookId: id, eventId } }, data });

describe('The deliveries to a webhook', () => {
  it('are listed, the newest event first', async () => {
    const ids = await signUps(3);
    const { body } = await get().expect(200);
    expect(body.data.map(({ event_id }: Shown) => event_id)).toEqual(ids.reverse());
    expect(body.data[0]).toEqual({
      event_id: ids[0],
      type: 'user.created',
      state: 'waiting',
      attempts: 0,
      created_at: expect.any(String),
      next_attempt_at: expect.any(String),
      last_attempt_at: null,
      last_status: null,
      last_error: null,
      duration_ms: null,
    });
  });

  it('come page by page, also in one state, and none twice', async () => {
    const ids = await signUps(9);
    for (const eventId of ids.slice(0, 3)) await set(eventId, { deliveredAt: new Date() });
    for (const eventId of ids.slice(3, 6)) await set(eventId, { failedAt: new Date(), lastError: 'status 500' });
    const all = async (state: string) => {
      const seen: string[] = [];
      for (let cursor = ''; ; ) {
        const { body } = await get(`?limit=2${state}${cursor && `&cursor=${cursor}`}`).expect(200);
        seen.push(...body.data.map(({ event_id }: Shown) => event_id));
        if (body.next_cursor === null) return seen.reverse();
        cursor = body.next_cursor;
      }
    };
    expect(await all('')).toEqual(ids);
    expect(await all('&state=delivered')).toEqual(ids.slice(0, 3));
    expect(await all('&state=failed')).toEqual(ids.slice(3, 6));
    expect(await all('&state=waiting')).toEqual(ids.slice(6));
    const { body } = await app.http.get(path()).set(admin.bearer).expect(200);
    expect([body.waiting, body.failed]).toEqual([3, 3]);
  });

  it('tell what became of them', async () => {
    const [eventId = ''] = await signUps(1);
    const facts = { attempts: 10, lastAttemptAt: new Date(), lastStatus: 503, lastError: 'status 503', durationMs: 12 };
    await set(eventId, { ...facts, failedAt: new Date() });
    expect((await get()).body.data[0]).toMatchObject({
      state: 'failed',
      attempts: 10,
      next_attempt_at: null,
      last_attempt_at: facts.lastAttemptAt.toISOString(),
      last_status: 503,
      last_error: 'status 503',
      duration_ms: 12,
    });
  });

  it('stay when the audit has purged the event, without its type', async () => {
    const [eventId = ''] = await signUps(1);
    await app.deps.db.auditEvent.delete({ where: { id: eventId } });
    expect((await get()).body.data).toMatchObject([{ event_id: eventId, type: null }]);
  });

  it('are refused in a state that there is not', async () => {
    expectProblem(await get('?state=lost'), 'validation_failed');
  });
});

describe('A retry', () => {
  it.each([
    ['failed', { failedAt: new Date(), attempts: 10 }],
    ['delivered', { deliveredAt: new Date(), attempts: 1 }],
    ['waiting', { dueAt: new Date(Date.now() + 20 * hour), attempts: 7 }],
  ])('sends one that is %s again, with all attempts', async (_, data) => {
    const [eventId = ''] = await signUps(1);
    await set(eventId, data);
    // It waits as it was set: nothing is taken for a disabled one.
    await app.deps.db.webhook.update({ where: { id }, data: { disabledAt: new Date(), disabledReason: 'manual' } });
    await post(`/deliveries/${eventId}/retry`).expect(202);
    const [shown] = (await get()).body.data;
    expect(shown).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(Date.parse(shown.next_attempt_at)).toBeLessThanOrEqual(Date.now() + 1000);
  });

  it('of an event that was never queued for it is not found', async () => {
    const other = await createWebhook(app, admin, { events: ['user.deleted'] });
    const [eventId] = await signUps(1);
    const retry = (path: string) => app.http.post(path).set(admin.bearer).send({});
    expectProblem(await retry(`/admin/webhooks/${other.id}/deliveries/${eventId}/retry`), 'not_found');
    expectProblem(await post(`/deliveries/${uuidv7()}/retry`), 'not_found');
    expectProblem(await post('/deliveries/none/retry'), 'not_found');
  });
});

describe('A replay', () => {
  it('queues what it wants of a time, also what was delivered, or happened before there was a webhook', async () => {
    await app.deps.db.webhook.update({ where: { id }, data: { disabledAt: new Date(), disabledReason: 'gone' } });
    const since = new Date().toISOString();
    for (let count = 0; count < 3; count++) await app.signUp();
    await app.deps.db.webhook.update({ where: { id }, data: { disabledAt: null, disabledReason: null } });
    const [delivered = ''] = await signUps(1);
    await set(delivered, { deliveredAt: new Date(), attempts: 3 });
    expect(await queuedFor(app, id)).toEqual(['user.created']);
    expect((await post('/replay', { since }).expect(202)).body).toEqual({ count: 4 });
    expect(await queuedFor(app, id)).toEqual(Array(4).fill('user.created'));
    expect((await get('?state=waiting')).body.data).toHaveLength(4);
  });

  it('queues nothing outside of its time, that it does not want, that was imported, and no ping', async () => {
    await app.deps.db.webhook.update({ where: { id }, data: { events: ['*'] } });
    await deleteDeliveries();
    const at = (hours: number, action: string, detail = {}) =>
      app.deps.db.auditEvent.create({ data: { id: uuidv7(), at: ago(hours), action, detail } });
    const wanted = await at(100, 'user.created');
    for (const hours of [99, 101]) await at(hours, 'user.created');
    await at(100, 'login.failed');
    await at(100, 'webhook.ping', { webhook_id: id });
    await at(100, 'user.created', { imported: true });
    await at(100, 'user.deleted');
    await deleteDeliveries();
    const time = { since: ago(100.5).toISOString(), until: ago(99.5).toISOString() };
    const { body } = await post('/replay', { ...time, events: ['user.created', 'user.disabled'] }).expect(202);
    expect(body).toEqual({ count: 1 });
    expect((await get()).body.data.map(({ event_id }: Shown) => event_id)).toEqual([wanted.id]);
    expect((await post('/replay', time).expect(202)).body).toEqual({ count: 2 });
  });

  it('of more than 100,000 events is refused as a whole, and of 100,000 done', async () => {
    await deleteDeliveries();
    await app.deps.db.$executeRaw`
      INSERT INTO audit_event (id, at, action, detail)
      SELECT gen_random_uuid(), timestamptz '2020-01-01' + make_interval(secs => n), 'user.created', '{"imported": true}'
      FROM generate_series(1, 100001) n`;
    // What was imported is not sent; these are to be.
    await app.deps.db.$executeRaw`UPDATE audit_event SET detail = '{}' WHERE at < '2021-01-01'`;
    const since = '2020-01-01T00:00:00Z';
    const answer = await post('/replay', { since, until: '2021-01-01T00:00:00Z' });
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors[0].path).toBe('since');
    expect(await app.deps.db.webhookDelivery.count()).toBe(0);
    const until = new Date(Date.parse(since) + 100_001_000).toISOString();
    expect((await post('/replay', { since, until }).expect(202)).body).toEqual({ count: 100_000 });
    expect(await app.deps.db.webhookDelivery.count()).toBe(100_000);
    await app.deps.db.$executeRaw`DELETE FROM audit_event WHERE at < '2021-01-01'`;
  });

  it.each([
    [{}],
    [{ since: 'yesterday' }],
    [{ since: '0000-12-31T00:00:00Z' }],
    [{ since: '0001-01-01T00:00:00+01:00' }],
    [{ since: '2026-11-22T00:00:00Z', until: '0000-01-01T00:00:00Z' }],
    [{ since: '2026-11-22T00:00:00Z', events: ['login.failed'] }],
  ])('is refused with %j', async (body) => expectProblem(await post('/replay', body), 'validation_failed'));
});

it('a retry and a replay are in the audit', async () => {
  const [eventId = ''] = await signUps(1);
  await post(`/deliveries/${eventId}/retry`).expect(202);
  const [since, until] = [ago(2).toISOString(), ago(1).toISOString()];
  await post('/replay', { since, until, events: ['user.created'] }).expect(202);
  const { body } = await app.http.get('/admin/audit?limit=2').set(admin.bearer).expect(200);
  expect(body.data).toMatchObject([
    {
      action: 'webhook.replayed',
      actor_id: admin.userId,
      detail: { webhook_id: id, since, until, events: ['user.created'] },
    },
    { action: 'webhook.retried', actor_id: admin.userId, detail: { webhook_id: id, event_id: eventId } },
  ]);
});

describe('The purge', () => {
  it('removes after 30 days what was delivered or given up, and keeps what waits', async () => {
    const ids = await signUps(5);
    const [done = '', fresh = '', failed = '', recent = '', waiting = ''] = ids;
    const day = 24;
    await set(done, { deliveredAt: ago(31 * day) });
    await set(fresh, { deliveredAt: ago(29 * day) });
    await set(failed, { failedAt: ago(31 * day) });
    await set(recent, { failedAt: ago(29 * day) });
    await set(waiting, { createdAt: ago(90 * day), dueAt: ago(90 * day) });
    await purgeDeliveries(app.deps);
    const left = await app.deps.db.webhookDelivery.findMany({ where: { webhookId: id } });
    expect(left.map(({ eventId }) => eventId).sort()).toEqual([fresh, recent, waiting].sort());
  });

  it('removes what waited for a webhook that was deleted', async () => {
    await signUps(2);
    await app.http.delete(path()).set(admin.bearer).expect(204);
    await purgeDeliveries(app.deps);
    expect(await app.deps.db.webhookDelivery.count()).toBe(0);
  });
});

describe('The metrics', () => {
  it('tell how many deliveries wait and for how long, without those of a disabled webhook', async () => {
    const [eventId = ''] = await signUps(2);
    await set(eventId, { createdAt: ago(2) });
    const { waiting, oldestSeconds } = await webhookVitals(app.deps);
    expect(waiting).toBe(2);
    expect(oldestSeconds).toBeCloseTo(7200, -2);
    const text = (await app.http.get('/metrics').expect(200)).text;
    expect(text).toMatch(/^gatelatch_webhook_waiting 2$/m);
    expect(text).toMatch(/^gatelatch_webhook_oldest_seconds 72\d\d/m);
    await app.http.patch(path()).set(admin.bearer).send({ enabled: false }).expect(200);
    expect(await webhookVitals(app.deps)).toEqual({ waiting: 0, oldestSeconds: 0 });
  });
});

function deleteDeliveries() {
  return app.deps.db.webhookDelivery.deleteMany();
}
