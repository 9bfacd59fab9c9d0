import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { startInstance } from '../support/instance.js';
import { startPostgresCluster } from '../support/postgres-cluster.js';
import { startPostgresProxy } from '../support/postgres-proxy.js';
import { askRepeatedly } from '../support/witness.js';

it('/readyz costs the database at most two probes a second, even if it hangs, however often it is requested', {
  timeout: 60_000,
}, async () => {
  const cluster = await startPostgresCluster();
  onTestFinished(cluster.remove);
  const proxy = await startPostgresProxy(cluster.url, (sql) => sql === 'SELECT 1');
  onTestFinished(proxy.close);
  const instance = await startInstance(proxy.url);

  async function probesPerSecond(seconds: number): Promise<number> {
    proxy.statements.length = 0;
    const startedAt = performance.now();
    const askers = Array.from({ length: 20 }, () => askRepeatedly(instance.url, 'GET /readyz', 20));
    await sleep(seconds * 1_000);
    await Promise.all(askers.map((asker) => asker.stop()));
    // One more, for the interval that has only begun.
    return (proxy.statements.length - 1) / ((performance.now() - startedAt) / 1000);
  }

  const answering = await probesPerSecond(4);
  cluster.freeze();
  const hung = await probesPerSecond(6);
  cluster.thaw();
  await sleep(1_000);
  await instance.stop();
  expect(answering).toBeGreaterThan(0);
  expect(answering).toBeLessThanOrEqual(2);
  expect(hung).toBeLessThanOrEqual(2);
  console.info(
    `  probes a second by /readyz, asked 20 times at once: ${answering.toFixed(1)}, hung ${hung.toFixed(1)}`,
  );
});
