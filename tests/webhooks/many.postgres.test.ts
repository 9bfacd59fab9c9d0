import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { ask, logIn, type Operator, openOperator, signUp, startInstance, stopAll } from '../support/instance.js';
import { createServerDatabase } from '../support/test-database.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8', WEBHOOK_TIMEOUT: '5s' };

// By hand with 10,000: MANY_EVENTS=10000.
const events = Number(process.env.MANY_EVENTS ?? 300);
const hanging = 8;

/** Counts what comes to each path. Those of `/hangs…` get no answer, those of `/fails` get 500. */
async function startCounter() {
  const seen = new Map<string, Set<string>>();
  const lastAt = new Map<string, number>();
  const server = createServer((req, res) => {
    const path = req.url ?? '';
    req.resume();
    seen.set(path, (seen.get(path) ?? new Set()).add(String(req.headers['webhook-id'])));
    lastAt.set(path, performance.now());
    if (path.startsWith('/hangs')) return;
    res.writeHead(path === '/fails' ? 500 : 204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, lastAt };
}

async function record({ db }: Operator, userId: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += 100)
    await db.$executeRaw`
      INSERT INTO audit_event (id, action, user_id, detail)
      SELECT gen_random_uuid(), 'user.created', ${userId}::uuid, '{}' FROM generate_series(1, 100)`;
}

it.each([1, 2])(
  '%i instances send events to 10 webhooks while 8 hang, one fails and one is away',
  {
    timeout: 75_000 + events * 100,
  },
  async (instances) => {
    const database = await createServerDatabase();
    const operator = await openOperator(database.url);
    const servers = await Promise.all(Array.from({ length: instances }, () => startInstance(database.url, settings)));
    onTestFinished(async () => {
      await stopAll(...servers);
      await operator.close();
      await database.drop();
    });
    const [first] = servers;
    if (!first) return;
    const counter = await startCounter();
    const { username, userId } = await signUp(first);
    await operator.db.user.updateMany({ where: { username }, data: { roles: ['admin'] } });
    const { access } = await logIn(first, username);
    const good = Array.from({ length: 10 }, (_, n) => `/good-${n}`);
    const urls = [...good, ...Array.from({ length: hanging }, (_, n) => `/hangs-${n}`), '/fails'].map(
      (path) => `${counter.url}${path}`,
    );
    for (const url of [...urls, 'http://127.0.0.1:9/away']) {
      const body = { url, events: ['user.created'] };
      expect((await ask(first, 'POST /admin/webhooks', { bearer: access, body })).status).toBe(201);
    }
    const beganAt = performance.now();
    await record(operator, userId, events);
    const recordedAt = performance.now();
    const arrived = () => good.map((path) => counter.seen.get(path)?.size ?? 0);
    await expect.poll(arrived, { timeout: 45_000 + events * 100, interval: 200 }).toEqual(good.map(() => events));
    const took = (Math.max(...good.map((path) => counter.lastAt.get(path) ?? 0)) - recordedAt) / 1000;
    console.info(
      `  ${instances}: ${events} events recorded in ${Math.round(recordedAt - beganAt)} ms; ${events * good.length} deliveries` +
        ` to ${good.length} webhooks in ${took.toFixed(1)} s, ${Math.round((events * good.length) / took)} a second`,
    );
  },
);
