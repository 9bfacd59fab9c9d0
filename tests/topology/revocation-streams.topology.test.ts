import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, percentile, print, signUp } from '../support/instance.js';
import { hashedId, type Listener, openListener } from '../support/revocation-listener.js';
import { startTopology, type Topology } from '../support/topology.js';
import { vitalSigns } from '../support/vital-signs.js';

const streams = 1_000;
const perAddress = 20;

/** From the answer of a logout until the last stream has it, in milliseconds: the contract's. */
const atTheLatest = 1_500;

const vitals = vitalSigns();
let topology: Topology;
const listeners: Listener[] = [];

beforeAll(async () => {
  topology = await startTopology({
    count: 1,
    settings: { RATE_LIMIT: 'off', TRUST_PROXY: '0', ...vitals.environment },
  });
}, 60_000);
afterAll(async () => {
  for (const { close } of listeners) close();
  await topology?.stop();
});

const instance = () => topology.instances[0] as { url: string };
const listen = (from: string) => openListener(instance().url, { from });
const MB = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/** Logs somebody out. @returns how long after the answer each stream had heard of it, in milliseconds */
async function timesOfOneLogout(of: Listener[]): Promise<number[]> {
  const user = await signUp(instance());
  const hashed = hashedId(topology.url, user.sessionId);
  for (const { heard } of of) heard.length = 0;
  expect((await ask(instance(), 'POST /auth/logout', { bearer: user.access })).status).toBe(204);
  const ended = performance.now();
  const heardAt = ({ heard }: Listener) => heard.find(({ list }) => hashed in list.sessions)?.at;
  await expect.poll(() => of.filter((one) => heardAt(one) === undefined).length).toBe(0);
  return of.map((one) => Math.max(0, (heardAt(one) ?? Number.NaN) - ended));
}

describe('An instance with 1,000 streams', { timeout: 180_000 }, () => {
  it('tells all of a logout in time, with little memory and no long pause', async () => {
    await signUp(instance());
    const before = await vitals.ask();
    for (let n = 0; n < streams / perAddress; n += 1)
      listeners.push(...(await Promise.all(Array.from({ length: perAddress }, () => listen(`127.0.1.${n + 1}`)))));
    expect(listeners.every(({ status }) => status === 200)).toBe(true);
    await sleep(2_500);
    const opened = await vitals.ask();
    const rounds: number[][] = [];
    for (let round = 0; round < 20; round += 1) rounds.push(await timesOfOneLogout(listeners));
    const told = await vitals.ask();
    print(
      'a logout, the last of 1,000 streams',
      rounds.map((took) => Math.max(...took)),
    );
    print('a logout, each stream', rounds.flat());
    const spread = rounds.map((took) => Math.max(...took) - Math.min(...took));
    process.stdout.write(
      `  1,000 streams: ${MB(opened.held - before.held)} held, ${MB(opened.rss - before.rss)} resident; ` +
        `longest pause ${told.stall.own.toFixed(1)} ms; first to last p50 ${percentile(spread, 0.5).toFixed(1)} ms\n`,
    );
    expect(Math.max(...rounds.flat())).toBeLessThan(atTheLatest);
    expect(opened.held - before.held).toBeLessThan(64 * 1024 * 1024);
    expect(told.stall.own).toBeLessThan(200 * told.slowness);
    expect((await listen('127.0.2.1')).status).toBe(503);
  });

  it('lets nobody wait because a tenth of them do not read', async () => {
    const [sleeping, reading] = [listeners.slice(0, streams / 10), listeners.slice(streams / 10)];
    for (const { pause } of sleeping) pause();
    const rounds: number[][] = [];
    for (let round = 0; round < 10; round += 1) rounds.push(await timesOfOneLogout(reading));
    print(
      'a logout, the last of 900 beside 100 that do not read',
      rounds.map((took) => Math.max(...took)),
    );
    expect(Math.max(...rounds.flat())).toBeLessThan(atTheLatest);
    expect(reading.some(({ isOver }) => isOver())).toBe(false);
  });
});
