import { v7 as uuidv7 } from 'uuid';
import { expect, it } from 'vitest';
import { webhookEvents } from '../../src/webhooks/events.js';
import { makeKey } from '../support/api-keys.js';
import { startAppForTest } from '../support/app.js';
import { schemaViolations } from '../support/contract.js';
import { eventually } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8' };

it('each event is sent as the contract says, whatever else the audit has of it', async () => {
  const [app, receiver] = [await startAppForTest(settings), await startReceiver()];
  const admin = await withRole(app, await app.signUp(), 'admin');
  const webhook = await createWebhook(app, admin, { url: receiver.url });
  const user = await app.signUp();
  const { id: keyId } = await makeKey(app, user);
  await eventually(() => receiver.received.length === 2);
  receiver.received.length = 0;
  const detail = {
    webhook_id: webhook.id,
    api_key_id: keyId,
    invitation_id: uuidv7(),
    session_id: user.sessionId,
    sessions: [user.sessionId],
    roles: ['editor'],
    reason: 'logout',
    secret: 'never sent',
    scopes: ['never sent'],
  };
  for (const action of webhookEvents)
    await app.deps.db.auditEvent.create({ data: { id: uuidv7(), action, userId: user.userId, detail } });
  app.deps.webhookWake.wake();
  await eventually(() => receiver.received.length === webhookEvents.length);
  expect(receiver.received.map(({ type }) => type).sort()).toEqual([...webhookEvents].sort());
  for (const { type, body } of receiver.received) {
    const schema = ['webhooks', type, 'post', 'requestBody', 'content', 'application/json', 'schema'];
    expect(schemaViolations(schema, body), type).toEqual([]);
    expect(body).not.toContain('never sent');
  }
});

it('of a user who is gone by then, nothing is sent but the id', async () => {
  const [app, receiver] = [await startAppForTest(settings), await startReceiver()];
  const admin = await withRole(app, await app.signUp(), 'admin');
  const user = await app.signUp({ username: 'gone-by-then', email: 'gone@example.com' });
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.disabled', 'user.deleted'] });
  const [hook, them] = [`/admin/webhooks/${id}`, `/admin/users/${user.userId}`];
  await app.http.patch(them).set(admin.bearer).send({ disabled: true }).expect(200);
  await app.http.delete(them).set(admin.bearer).expect(204);
  await eventually(() => receiver.received.length === 2);
  receiver.received.length = 0;
  await app.http.post(`${hook}/replay`).set(admin.bearer).send({ since: '2020-01-01T00:00:00Z' }).expect(202);
  app.deps.webhookWake.wake();
  await eventually(() => receiver.received.length === 2);
  for (const { body } of receiver.received) {
    expect(JSON.parse(body).data).toMatchObject({ user_id: user.userId, user: null });
    expect(body).not.toMatch(/gone-by-then|gone@example/);
  }
});
