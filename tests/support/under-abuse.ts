import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Instance, percentile, signUp, startInstance } from './instance.js';
import { type PostgresCluster, startPostgresCluster } from './postgres-cluster.js';
import { type Vitals, vitalSigns } from './vital-signs.js';
import { recordRequest, type Seen } from './witness.js';

/** A server for tests that attack it, and a user who uses it meanwhile. */
export type UnderAbuse = {
  url: string;
  databaseUrl: string;
  /** Its log lines. */
  logs: string[];
  vitals(): Promise<Vitals>;
  /**
   * Attacks the server while a user goes on using it, and expects: every use succeeds, the event loop is never blocked
   * for 50 ms (on a slower machine: in proportion), and afterwards memory has grown by at most 16 MB. Where it was
   * blocked for longer, it attacks again, twice at most: the attack would block it each time, a busy machine does not.
   */
  endure(what: string, harm: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
};

const longestStallMs = 50;
const mostKeptBytes = 16 * 1024 * 1024;

export async function startUnderAbuse({
  NODE_OPTIONS,
  ...environment
}: Record<string, string> = {}): Promise<UnderAbuse> {
  const cluster: PostgresCluster = await startPostgresCluster();
  const vitals = vitalSigns(NODE_OPTIONS);
  const instance = await startInstance(cluster.url, { ...vitals.environment, ...environment });
  await warmUp(instance);
  const attack = async (what: string, harm: () => Promise<void>) => {
    const user = await startUsing(instance);
    const before = await vitals.ask();
    await harm();
    const uses = await user.stop();
    const after = await vitals.ask();
    tell(what, uses, before, after);
    expect(uses.map(({ status }) => status).filter((status) => status >= 300 || status === 0)).toEqual([]);
    return after.stall.own / Math.max(1, after.slowness);
  };
  return {
    url: instance.url,
    databaseUrl: cluster.url,
    vitals: vitals.ask,
    logs: instance.logs,
    async endure(what, harm) {
      const before = await vitals.ask();
      let stall = await attack(what, harm);
      for (let tries = 1; stall >= longestStallMs && tries < 3; tries++) stall = await attack(what, harm);
      expect(stall).toBeLessThan(longestStallMs);
      const after = await settledVitals(vitals.ask, before);
      expect(after.held - before.held).toBeLessThan(mostKeptBytes);
    },
    async stop() {
      await instance.stop();
      const failed = instance.logs.filter((line) => /"internal_error"|"un(caught|handled)/.test(line));
      expect(failed).toEqual([]);
      await cluster.remove();
    },
  };
}

// Warms up first, because code compiled and cached at first use is neither a stall nor a leak.
async function warmUp(instance: Instance): Promise<void> {
  const user = await startUsing(instance);
  await recordRequest(instance.url, 'GET /openapi.json');
  await sleep(2_000);
  await user.stop();
}

async function startUsing(instance: Instance): Promise<{ stop(): Promise<Seen[]> }> {
  const { access, username } = await signUp(instance);
  const uses: Seen[] = [];
  let stopped = false;
  const using = (async () => {
    while (!stopped) {
      uses.push(await recordRequest(instance.url, 'GET /welcome', { bearer: access }));
      uses.push(await recordRequest(instance.url, 'GET /me', { bearer: access }));
      uses.push(await recordRequest(instance.url, 'POST /todos', { bearer: access, body: { title: username } }));
      await sleep(50);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await using;
      return uses;
    },
  };
}

// Sockets and their memory take a moment to be freed.
async function settledVitals(ask: () => Promise<Vitals>, before: Vitals): Promise<Vitals> {
  for (let tries = 0; ; tries++) {
    const now = await ask();
    if (now.held - before.held < mostKeptBytes || tries === 10) return now;
    await sleep(500);
  }
}

function tell(what: string, uses: Seen[], before: Vitals, { stall, slowness, ...after }: Vitals): void {
  const p99 = percentile(
    uses.map(({ ms }) => ms),
    0.99,
  );
  const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
  console.info(
    `  ${what}: event loop held up ${stall.own.toFixed(0)} ms at the most (${stall.wall.toFixed(0)} with others' turns)` +
      ` where the machine took ${slowness.toFixed(1)} of its usual time;` +
      ` ${uses.length} uses meanwhile, p99 ${p99.toFixed(0)} ms; held ${mb(before.held)} → ${mb(after.held)} MB,` +
      ` RSS ${mb(before.rss)} → ${mb(after.rss)} MB`,
  );
}
