import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { expect, it, onTestFinished } from 'vitest';
import { ask, logIn, openOperator, signUp, startInstance, stopAll } from '../support/instance.js';
import { eventually } from '../support/mails.js';
import { createServerDatabase } from '../support/test-database.js';
import { startReceiver } from '../support/webhook-receiver.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8' };

/** One instance with a webhook that wants sign-ups; the receiver's answers are the test's. */
async function prepared(answer?: (reply: ServerResponse) => unknown) {
  const database = await createServerDatabase();
  const operator = await openOperator(database.url);
  const one = await startInstance(database.url, settings);
  const receiver = await startReceiver(answer);
  onTestFinished(async () => {
    await operator.close();
    await database.drop();
  });
  const admin = await signUp(one);
  await operator.db.user.update({ where: { id: admin.userId }, data: { roles: ['admin'] } });
  const { access } = await logIn(one, admin.username);
  const made = await ask(one, 'POST /admin/webhooks', {
    bearer: access,
    body: { url: receiver.url, events: ['user.created'] },
  });
  expect(made.status).toBe(201);
  const delivery = async () => (await operator.db.webhookDelivery.findMany())[0];
  return { database, operator, one, receiver, delivery, secret: made.body.secret as string };
}

type Prepared = Awaited<ReturnType<typeof prepared>>;

/** Another instance takes over; the lease of the dead one is over at once instead of in a minute. */
async function takenOver({ database, operator, receiver, delivery, secret }: Prepared, times: number): Promise<void> {
  await operator.db.$executeRaw`UPDATE webhook_delivery SET due_at = clock_timestamp()`;
  const other = await startInstance(database.url, settings);
  try {
    await eventually(async () => (await delivery())?.deliveredAt !== null, 40_000);
  } finally {
    await stopAll(other);
  }
  const { eventId } = (await delivery()) ?? {};
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(Array(times).fill(`evt_${eventId}`));
  for (const { body, headers } of receiver.received) new Webhook(secret).verify(body, headers);
}

const kill = ({ one }: Prepared) => process.kill(one.pid, 'SIGKILL');

it('an event is sent by another instance when its own was killed before it took it', async () => {
  const all = await prepared();
  const { operator, one } = all;
  await operator.db.$executeRaw`
    ALTER TABLE webhook_delivery ALTER due_at SET DEFAULT clock_timestamp() + interval '1 hour'`;
  await signUp(one);
  kill(all);
  expect(all.receiver.received).toEqual([]);
  await takenOver(all, 1);
});

it('an event is sent again with the same id when its instance was killed while the receiver held the answer', async () => {
  let holds = true;
  const all = await prepared((reply) => (holds ? undefined : reply.writeHead(204).end()));
  await signUp(all.one);
  await eventually(() => all.receiver.received.length === 1, 20_000);
  kill(all);
  holds = false;
  await takenOver(all, 2);
});

it('an event is sent again with the same id when its instance was killed before the answer was written down', async () => {
  const all = await prepared();
  const { operator, one, receiver } = all;
  // What would note the delivery fails, as if the instance never came to it.
  await operator.db.$executeRaw`ALTER TABLE webhook_delivery ADD CONSTRAINT unwritten CHECK (delivered_at IS NULL)`;
  await signUp(one);
  await eventually(() => receiver.received.length === 1, 20_000);
  kill(all);
  await operator.db.$executeRaw`ALTER TABLE webhook_delivery DROP CONSTRAINT unwritten`;
  await takenOver(all, 2);
});
