import { build } from '../../scripts/build.mjs';
import { startTopology } from './topology.mjs';

// npm run topology [-- <instances>]
await build();
const topology = await startTopology({ count: Number(process.argv[2] ?? 2), withReplica: true });
const { url, instances, primary, replica, redis } = topology;
console.log(`nginx      ${url}`);
for (const { name, url, log } of instances) console.log(`${name} ${url} (log: ${log})`);
console.log(`Postgres   ${primary.url}, replica ${replica.url}\nRedis      ${redis.url}\nCtrl-C stops all of it.`);

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    await topology.stop();
    process.exit(0);
  });
// Keeps Node running.
setInterval(() => undefined, 60_000);
