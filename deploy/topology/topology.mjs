import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInstance } from './instance.mjs';
import { createNginx } from './nginx.mjs';
import { createPrimary, createReplica } from './postgres.mjs';
import { freePort } from './programs.mjs';
import { createRedis } from './redis.mjs';

/**
 * docker-compose.scale.yml with the programs of this machine: nginx, instances of dist/main.js, Postgres, a replica if
 * wanted, and Redis, on free ports of 127.0.0.1 and in a temporary folder.
 * @param count how many instances
 * @param settings override the topology's own
 * @throws if a program is missing or does not start; then everything is stopped
 */
export async function startTopology({ count = 2, withReplica = false, settings = {} } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-topology-'));
  // The workers of nginx and Postgres may be other users.
  chmodSync(dir, 0o755);
  const started = [];
  const start = async (program) => {
    started.unshift(program);
    await program.start();
    return program;
  };
  const stop = async () => {
    for (const program of started) await program.end();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const primary = await start(await createPrimary(dir));
    const replica = withReplica ? await start(await createReplica(dir, primary)) : undefined;
    const redis = await start(await createRedis(dir));
    const ports = [];
    while (ports.length < count) ports.push(await freePort());
    const nginx = await createNginx(dir, ports);
    const own = {
      DATABASE_URL: primary.url,
      REDIS_URL: redis.url,
      AUTH_SECRET: randomBytes(32).toString('hex'),
      JWT_ISSUER: nginx.url,
      TRUST_PROXY: '1',
      ...settings,
    };
    const instances = ports.map((port, n) => createInstance(dir, `instance-${n + 1}`, port, own));
    for (const instance of instances) await start(instance);
    await start(nginx);
    return { url: nginx.url, nginx, instances, primary, replica, redis, settings: own, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
