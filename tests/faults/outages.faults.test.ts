import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { type SimulatedUsers, startSimulatedUsers } from '../support/crowd.js';
import { expectSoundLog, requestsLogged } from '../support/fault-log.js';
import { type Instance, percentile, startInstance } from '../support/instance.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { expectWholeUsers } from '../support/whole-users.js';
import { askRepeatedly, expectDocumented, type Seen } from '../support/witness.js';

let cluster: PostgresCluster;
let instance: Instance;
let people: SimulatedUsers;

beforeEach(async () => {
  cluster = await startPostgresCluster(['max_connections=30']);
  // A user who waits through the longest outage still refreshes within the grace period.
  instance = await startInstance(cluster.url, { REFRESH_GRACE: '2m' });
  people = await startSimulatedUsers(instance.url);
  onTestFailed(() => console.error(instance.logs.filter((line) => /"level":[56]0/.test(line)).join('\n')));
});
afterEach(async () => {
  cluster.thaw();
  await instance.stop().catch(() => undefined);
  await cluster.remove();
});

type Outage = { begin(): Promise<void> | void; lastsMs: number; end(): Promise<void> | void };
type Observed = { health: Seen[]; readiness: Seen[]; beganAt: number; endingAt: number; endedAt: number };

/** Lets the simulated users go on before, during and after the outage, and returns what was observed. */
async function observe({ begin, lastsMs, end }: Outage): Promise<Observed> {
  const health = askRepeatedly(instance.url, 'GET /healthz', 50);
  const readiness = askRepeatedly(instance.url, 'GET /readyz', 50);
  await sleep(1_500);
  const beganAt = performance.now();
  await begin();
  await sleep(lastsMs);
  const endingAt = performance.now();
  await end();
  const endedAt = performance.now();
  await sleep(3_000);
  await Promise.all([people.stop(), health.stop(), readiness.stop()]);
  return { health: health.seen, readiness: readiness.seen, beganAt, endingAt, endedAt };
}

/** After any fault: all responses were documented ones, and everything that was acknowledged is still there. */
async function expectUnharmed(what: string, { health, beganAt, endingAt, endedAt }: Observed): Promise<void> {
  expectDocumented(people.seen);
  expect(health.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);

  const good = people.seen.filter(({ status, line }) => status < 300 && line !== 'GET /welcome');
  const firstGood = good.map(({ at, ms }) => at + ms).find((answeredAt) => answeredAt > endedAt) ?? Infinity;
  expect(firstGood - endedAt).toBeLessThan(2_000);

  const { sessions, users } = await people.expectNothingLost();
  await expectWholeUsers(cluster.url);
  await instance.stop();
  expectSoundLog(instance.logs);
  // Measured in the server, because the test itself may have to wait on a busy machine.
  const healthMs = requestsLogged(instance.logs, '/healthz');
  expect(percentile(healthMs, 0.95)).toBeLessThan(50);
  const during = people.seen.filter(({ at }) => at > beganAt && at < endingAt);
  console.info(
    `  ${what}: ${during.length} requests meanwhile, ${during.filter(({ status }) => status === 503).length} of them 503,` +
      ` the slowest after ${slowest(people.seen)} ms; first good answer ${Math.round(firstGood - endedAt)} ms after its end;` +
      ` /healthz p95 ${percentile(healthMs, 0.95).toFixed(1)} ms; ${sessions} sessions and ${users} users, none lost`,
  );
}

/** "Not ready" within 2 s of the beginning and until the end; "ready" within 2 s of the end. */
function expectTruthfulReadiness({ readiness, beganAt, endingAt, endedAt }: Observed): void {
  const known = readiness.map(({ at, ms, status }) => ({ at, answeredAt: at + ms, status }));
  const firstNotReady = known.find(({ answeredAt, status }) => answeredAt > beganAt && status === 503);
  expect((firstNotReady?.answeredAt ?? Infinity) - beganAt).toBeLessThan(2_000);
  const later = known.filter(({ at, answeredAt }) => at > beganAt + 2_000 && answeredAt < endingAt);
  expect(later.filter(({ status }) => status !== 503)).toEqual([]);
  const firstReady = known.find(({ at, status }) => at >= endedAt && status === 200);
  expect((firstReady?.answeredAt ?? Infinity) - endedAt).toBeLessThan(2_000);
}

const slowest = (seen: Seen[]) => Math.round(Math.max(...seen.map(({ ms }) => ms)));

describe('A database that', { timeout: 90_000 }, () => {
  it('is killed under load and restarted causes 503s meanwhile, and loses nothing that was acknowledged', async () => {
    const observed = await observe({ begin: cluster.crash, lastsMs: 4_000, end: cluster.restart });
    expectTruthfulReadiness(observed);
    await expectUnharmed('killed and restarted', observed);
  });

  it('hangs for 15 s makes no request wait longer than 3 s, and is used again at once', async () => {
    const observed = await observe({ begin: cluster.freeze, lastsMs: 15_000, end: cluster.thaw });
    expectTruthfulReadiness(observed);
    await expectUnharmed('hung for 15 s', observed);
  });

  it('is read-only still serves reads, and other requests get 503', async () => {
    const set = async (value: 'on' | 'off') => {
      await asSuperuser(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await asSuperuser('SELECT pg_reload_conf()');
    };
    const observed = await observe({ begin: () => set('on'), lastsMs: 4_000, end: () => set('off') });
    // It stays ready: taking this instance out of service would stop the reads too.
    expect(observed.readiness.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    const meanwhile = people.seen.filter(({ at, ms }) => at > observed.beganAt + 500 && at + ms < observed.endingAt);
    const statusesOf = (pattern: RegExp) =>
      new Set(meanwhile.filter(({ line }) => pattern.test(line)).map(({ status }) => status));
    expect(statusesOf(/welcome|me/)).toEqual(new Set([200]));
    expect(statusesOf(/auth/)).toEqual(new Set([503]));
    await expectUnharmed('read-only', observed);
  });

  it('has no free connections counts as unavailable for requests that need one', async () => {
    const eaters: pg.Client[] = [];
    const observed = await observe({
      // The connections of the server are ended, or it would need no new ones. It is quick to make them again.
      begin: async () => {
        await eatConnections(eaters);
        while ((await endConnectionsOfServer(eaters[0])) > 0) {
          await eatConnections(eaters);
        }
      },
      lastsMs: 5_000,
      end: async () => void (await Promise.all(eaters.map((eater) => eater.end()))),
    });
    expect(people.seen.filter(({ status }) => status === 503).length).toBeGreaterThan(0);
    await expectUnharmed('out of connections', observed);
  });
});

async function eatConnections(eaters: pg.Client[]): Promise<void> {
  for (;;) {
    const eater = new pg.Client({ connectionString: cluster.url });
    eater.on('error', () => undefined);
    try {
      await eater.connect();
    } catch {
      return;
    }
    eaters.push(eater);
  }
}

/** Returns how many there were. */
async function endConnectionsOfServer(by: pg.Client | undefined): Promise<number> {
  const ended = await by?.query(
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = 'gatelatch'",
  );
  return ended?.rowCount ?? 0;
}

async function asSuperuser(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
