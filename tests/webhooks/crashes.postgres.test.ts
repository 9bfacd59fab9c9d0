import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ask,
  type Instance,
  logIn,
  newName,
  type Operator,
  openOperator,
  signUp,
  startInstance,
  stopAll,
} from '../support/instance.js';
import { eventually } from '../support/mails.js';
import { createServerDatabase } from '../support/test-database.js';
import { startReceiver } from '../support/webhook-receiver.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8' };

type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** One instance that a test kills and one that stays, a webhook, and its receiver. */
async function prepared() {
  const database = await createServerDatabase();
  const operator = await openOperator(database.url);
  const stays = await startInstance(database.url, settings);
  const victims: Instance[] = [];
  onTestFinished(async () => {
    await stopAll(stays, ...victims.filter(({ pid }) => isAlive(pid)));
    await operator.close();
    await database.drop();
  });
  const startVictim = async () => {
    const victim = await startInstance(database.url, settings);
    victims.push(victim);
    return victim;
  };
  const receiver = await startReceiver();
  const { username } = await signUp(stays);
  await operator.db.user.updateMany({ where: { username }, data: { roles: ['admin'] } });
  const { access } = await logIn(stays, username);
  const body = { url: receiver.url, events: ['user.created'] };
  const made = await ask(stays, 'POST /admin/webhooks', { bearer: access, body });
  expect(made.status).toBe(201);
  return { operator, stays, startVictim, receiver, secret: made.body.secret as string };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The lease of a dead instance is over, as it is after a minute. */
async function endLeases({ db }: Operator): Promise<void> {
  await db.$executeRaw`UPDATE webhook_delivery SET due_at = clock_timestamp()
    WHERE delivered_at IS NULL AND failed_at IS NULL`;
}

/** Everything that was recorded arrives at least once: signed, about a user, always with the same id. */
async function expectAllArrive({ db }: Operator, receiver: Receiver, secret: string, users: string[]): Promise<void> {
  const waiting = () => db.webhookDelivery.count({ where: { deliveredAt: null } });
  await eventually(async () => (await waiting()) === 0, 30_000);
  const idOf = new Map<string, Set<string>>();
  for (const { body, headers, id } of receiver.received) {
    const { data } = new Webhook(secret).verify(body, headers) as { data: { user_id: string } };
    expect(headers['webhook-id']).toBe(`evt_${id}`);
    idOf.set(data.user_id, (idOf.get(data.user_id) ?? new Set()).add(id));
  }
  for (const user of users) expect(idOf.get(user)?.size, user).toBe(1);
}

describe('An instance that is killed with SIGKILL loses no event', { timeout: 120_000 }, () => {
  it('before it takes them: another instance sends them', async () => {
    const { operator, startVictim, receiver, secret } = await prepared();
    const users: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const victim = await startVictim();
      users.push(...(await Promise.all([1, 2, 3, 4].map(() => signUp(victim, newName())))).map(({ userId }) => userId));
      process.kill(victim.pid, 'SIGKILL');
    }
    await endLeases(operator);
    await expectAllArrive(operator, receiver, secret, users);
  });

  it('while the receiver holds its answer: the event comes again, with the same id', async () => {
    const { operator, startVictim, receiver, secret, stays } = await prepared();
    // Only the victim sends: the other one's worker is busy elsewhere, which is what a stopped process is.
    process.kill(stays.pid, 'SIGSTOP');
    const victim = await startVictim();
    const held = new Promise<void>((resolve) => {
      receiver.answer = () => resolve();
    });
    const { userId } = await signUp(victim);
    await held;
    process.kill(victim.pid, 'SIGKILL');
    receiver.answer = (reply) => void reply.writeHead(204).end();
    process.kill(stays.pid, 'SIGCONT');
    await endLeases(operator);
    await expectAllArrive(operator, receiver, secret, [userId]);
    expect(receiver.received.length).toBe(2);
  });

  it('at any moment around the answer: each event arrives', async () => {
    const { operator, startVictim, receiver, secret } = await prepared();
    const users: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      const victim = await startVictim();
      let killed: () => void = () => undefined;
      const end = new Promise<void>((resolve) => {
        killed = resolve;
      });
      // Some of the answers are on their way, some are read, some are written down.
      receiver.answer = (reply) =>
        reply.writeHead(204).end(() => {
          setTimeout(() => {
            if (isAlive(victim.pid)) process.kill(victim.pid, 'SIGKILL');
            killed();
          }, round * 2);
        });
      const signedUp = await Promise.all([1, 2, 3, 4].map(() => signUp(victim, newName()).catch(() => undefined)));
      users.push(...signedUp.flatMap((user) => user?.userId ?? []));
      await end;
    }
    receiver.answer = (reply) => void reply.writeHead(204).end();
    await endLeases(operator);
    await expectAllArrive(operator, receiver, secret, users);
    expect(users.length).toBeGreaterThan(10);
  });
});
