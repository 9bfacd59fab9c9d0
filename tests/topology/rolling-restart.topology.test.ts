import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { startLoad } from '../support/load.js';
import { startTopology } from '../support/topology.js';

// Before each stop, nginx must have its connections and both instances must take requests.
const settleMs = 1_500;

it('no request fails during a rolling restart of two instances behind nginx at 200 requests a second', {
  timeout: 120_000,
}, async () => {
  const topology = await startTopology({ settings: { RATE_LIMIT: 'off' } });
  onTestFinished(topology.stop);
  const loading = await startLoad(topology.url, 200);
  const seconds: number[] = [];
  for (let round = 0; round < 2; round++)
    for (const instance of topology.instances) {
      await sleep(settleMs);
      const stoppedAt = performance.now();
      expect(await instance.end('SIGTERM')).toBe(0);
      seconds.push((performance.now() - stoppedAt) / 1000);
      await instance.start();
    }
  await sleep(settleMs);
  const { sent, failures, ...load } = await loading.stop();
  const rate = Math.round(sent / load.seconds);
  const stops = seconds.map((one) => one.toFixed(2)).join(', ');
  process.stdout.write(`  ${sent} requests, ${rate} a second; stops took ${stops} s\n`);
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(1_000);
  // The default of SHUTDOWN_TIMEOUT.
  expect(Math.max(...seconds)).toBeLessThan(10);
});
