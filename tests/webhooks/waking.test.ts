import { expect, it } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { eventually } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

// Without being woken, the worker looks every 5 s, and every 30 s while it knows of no webhook.
const soon = 2_000;

/** What the instance knows after a webhook was made on another one: nothing, until its next look. */
const forget = ({ deps }: TestApp) => deps.webhookWake.note(false);

it('what is asked for by hand is sent at once, also by an instance that did not know of the webhook', async () => {
  const receiver = await startReceiver();
  const app = await startAppForTest({ WEBHOOK_ALLOW: '127.0.0.0/8' });
  const admin = await withRole(app, await app.signUp(), 'admin');
  const since = new Date().toISOString();
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  const path = `/admin/webhooks/${id}`;
  const arrives = async (count: number) => {
    await eventually(() => receiver.received.length === count, soon);
    await eventually(
      async () => (await app.deps.db.webhookDelivery.count({ where: { deliveredAt: null } })) === 0,
      soon,
    );
    forget(app);
  };
  const post = (rest: string, body: object = {}) => app.http.post(`${path}${rest}`).set(admin.bearer).send(body);
  const enable = (enabled: boolean) => app.http.patch(path).set(admin.bearer).send({ enabled }).expect(200);

  const { body: pinged } = await post('/ping').expect(202);
  await arrives(1);
  await post(`/deliveries/${pinged.event_id}/retry`).expect(202);
  await arrives(2);
  app.deps.webhookWake.note(true);
  await app.signUp();
  await arrives(3);
  await post('/replay', { since }).expect(202);
  await arrives(4);
  await enable(false);
  await app.deps.db.$executeRaw`UPDATE webhook_delivery SET delivered_at = NULL, due_at = clock_timestamp()`;
  await enable(true);
  await arrives(6);
  expect(receiver.received.map(({ type }) => type).slice(0, 4)).toEqual([
    'webhook.ping',
    'webhook.ping',
    'user.created',
    'user.created',
  ]);
});
