import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProgram } from './programs.mjs';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** One instance in production, on a port that it keeps over restarts. Its environment contains only `settings`. */
export function createInstance(dir, name, port, settings) {
  const cwd = join(dir, name);
  mkdirSync(cwd);
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...settings };
  const log = join(dir, `${name}.log`);
  const program = createProgram({
    command: process.execPath,
    args: [main],
    log,
    isUp: () => isReady(url),
    cwd,
    env,
  });
  return Object.assign(program, { name, url, cwd, log });
}

// On its own connection: an idle one would delay a stop.
async function isReady(url) {
  const asking = get(`${url}/readyz`, { agent: false });
  const [answer] = await once(asking, 'response').catch(() => []);
  answer?.resume();
  return answer?.statusCode === 200;
}
