import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckingService, startCheckingService } from '../support/checking-service.js';
import { ask, signUp } from '../support/instance.js';
import { startTopology, type Topology, type TopologyInstance } from '../support/topology.js';

/** In milliseconds. */
const maxStaleness = 4_000;
const onTime = 300;

const ways = ['stream', 'poll'] as const;

let topology: Topology;
let first: TopologyInstance;
let second: TopologyInstance;
const services = new Map<string, CheckingService>();

beforeAll(async () => {
  topology = await startTopology({ count: 2, settings: { RATE_LIMIT: 'off' } });
  [first, second] = topology.instances as [TopologyInstance, TopologyInstance];
  const options = { issuer: topology.url, maxStaleness: maxStaleness / 1000 };
  for (const revocations of ways) {
    services.set(`directly, ${revocations}`, await startCheckingService({ ...options, url: first.url, revocations }));
    services.set(`through nginx, ${revocations}`, await startCheckingService({ ...options, revocations }));
  }
}, 120_000);
afterAll(async () => {
  for (const service of services.values()) service.stop();
  if (first?.pid !== undefined) process.kill(first.pid, 'SIGCONT');
  await topology?.stop();
});

const which = (kind: string) => [...services].filter(([name]) => name.startsWith(kind)).map(([, service]) => service);

/** When a service last accepted a token, in milliseconds from now on. */
async function lastAccepted(service: CheckingService, token: string, forMs: number): Promise<number> {
  const began = performance.now();
  let last = 0;
  while (performance.now() - began < forMs) {
    const asked = performance.now();
    const answer = await service.answerTo(token);
    if (answer === 'accepted') last = asked - began;
    else expect(['temporarily_unavailable', 'session_revoked']).toContain(answer);
    await sleep(20);
  }
  return last;
}

const logOut = async (access: string, at: { url: string } = second) =>
  expect((await ask(at, 'POST /auth/logout', { bearer: access })).status).toBe(204);

describe('A service in another process', { timeout: 120_000 }, () => {
  it('whose instance is frozen accepts nothing past maxStaleness, and hears what it missed', async () => {
    const [ended, live] = [await signUp(second), await signUp(second)];
    await sleep(1_500);
    process.kill(first.pid as number, 'SIGSTOP');
    const watching = which('directly').flatMap((service) =>
      [ended, live].map(({ access }) => lastAccepted(service, access, maxStaleness + 4_000)),
    );
    await logOut(ended.access);
    for (const last of await Promise.all(watching)) {
      expect(last).toBeGreaterThan(0);
      expect(last).toBeLessThan(maxStaleness + onTime);
    }
    process.kill(first.pid as number, 'SIGCONT');
    for (const service of which('directly')) {
      await expect.poll(() => service.answerTo(live.access)).toBe('accepted');
      expect(await service.answerTo(ended.access)).toBe('session_revoked');
    }
  });

  it('behind nginx, of whose instances one is frozen, never accepts past maxStaleness what has ended', async () => {
    const ended = await signUp(second);
    await sleep(1_500);
    process.kill(first.pid as number, 'SIGSTOP');
    const watching = which('through nginx').map((service) => lastAccepted(service, ended.access, maxStaleness + 4_000));
    await logOut(ended.access);
    for (const last of await Promise.all(watching)) expect(last).toBeLessThan(maxStaleness + onTime);
    process.kill(first.pid as number, 'SIGCONT');
    for (const service of which('through nginx'))
      await expect.poll(() => service.answerTo(ended.access), { timeout: 20_000 }).toBe('session_revoked');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'whose instance is ended by %s and starts again refuses what ended meanwhile, and goes on with the rest',
    async (signal) => {
      const [before, meanwhile, live] = [await signUp(second), await signUp(second), await signUp(second)];
      await logOut(before.access);
      for (const service of services.values())
        await expect.poll(() => service.answerTo(before.access)).toBe('session_revoked');
      await first.end(signal);
      await logOut(meanwhile.access);
      const watching = which('directly').map((service) =>
        lastAccepted(service, meanwhile.access, maxStaleness + 1_000),
      );
      for (const last of await Promise.all(watching)) expect(last).toBeLessThan(maxStaleness + onTime);
      for (const service of which('directly')) {
        expect(await service.answerTo(live.access)).toBe('temporarily_unavailable');
        expect(await service.answerTo(before.access)).toBe('session_revoked');
      }
      for (const service of which('through nginx')) {
        expect(await service.answerTo(live.access)).toBe('accepted');
        expect(await service.answerTo(meanwhile.access)).toBe('session_revoked');
      }
      await first.start();
      for (const service of which('directly')) {
        await expect.poll(() => service.answerTo(live.access), { timeout: 20_000 }).toBe('accepted');
        for (const { access } of [before, meanwhile]) expect(await service.answerTo(access)).toBe('session_revoked');
      }
    },
  );

  it('whose proxy is ended hears nothing, accepts nothing past maxStaleness, and comes back by itself', async () => {
    const [ended, live] = [await signUp(second), await signUp(second)];
    await topology.nginx.end();
    await logOut(ended.access);
    const watching = which('through nginx').map((service) => lastAccepted(service, ended.access, maxStaleness + 1_000));
    for (const last of await Promise.all(watching)) expect(last).toBeLessThan(maxStaleness + onTime);
    for (const service of which('directly')) expect(await service.answerTo(ended.access)).toBe('session_revoked');
    await topology.nginx.start();
    for (const service of which('through nginx')) {
      await expect.poll(() => service.answerTo(live.access), { timeout: 20_000 }).toBe('accepted');
      expect(await service.answerTo(ended.access)).toBe('session_revoked');
    }
  });
});
