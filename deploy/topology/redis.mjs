import { join } from 'node:path';
import { accepts, createProgram, freePort } from './programs.mjs';

/** A temporary Redis without files: it only holds counts. */
export async function createRedis(dir) {
  const port = await freePort();
  const program = createProgram({
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir],
    log: join(dir, 'redis.log'),
    isUp: () => accepts(port),
  });
  return Object.assign(program, { url: `redis://127.0.0.1:${port}` });
}
