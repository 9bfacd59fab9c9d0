import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../deploy/topology/programs.mjs';
import { divideCores } from './cores.mjs';

const { servers: onServerCores, names } = divideCores();

/** Which cores do what, in words; empty if they are not divided. */
export const coresInWords = names;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Gatelatch as `node dist/main.js` in production, with everything on: headers, allowed origins, one log line per
 * request (to `request.log` in `cwd`). The bench's own environment is not passed on.
 * @returns once /readyz answers 200, with the time that took
 */
export async function startGatelatch({ databaseUrl, cwd, origin, env: more = {} }) {
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: secretOf(cwd),
    CORS_ORIGINS: origin,
    // All load comes from one address.
    RATE_LIMIT: 'off',
    // A few users log in all the time: at the default, each login would also end their oldest session.
    SESSIONS_PER_USER: '10000',
    ...more,
  };
  const log = openSync(join(cwd, 'request.log'), 'a');
  const startedAt = performance.now();
  const [command, ...args] = [...onServerCores, process.execPath, join(root, 'dist/main.js')];
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', log, 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  while ((await fetch(`${url}/readyz`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new Error('Gatelatch did not start.');
    if (performance.now() - startedAt > 60_000) {
      await stop(child);
      throw new Error('Gatelatch was not ready within a minute.');
    }
    await sleep(5);
  }
  const readyMs = performance.now() - startedAt;
  return { pid: child.pid, url, readyMs, readyCpuMs: cpuSeconds(child.pid) * 1000, stop: () => stop(child) };
}

// Several starts on one database must open the same keys.
const secrets = new Map();
function secretOf(cwd) {
  if (!secrets.has(cwd)) secrets.set(cwd, randomBytes(32).toString('hex'));
  return secrets.get(cwd);
}

/** One of `peers/`, once it reports that it is ready; with the facts it reported. */
export async function startPeer(name, env = {}) {
  const [command, ...args] = [...onServerCores, process.execPath, join(root, 'bench/peers', `${name}.mjs`)];
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [facts] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])]);
  if (!facts) throw new Error(`The peer ${name} did not start.`);
  return {
    ...facts,
    pid: child.pid,
    url: `http://127.0.0.1:${facts.port}`,
    async ask(message) {
      child.send(message);
      return (await once(child, 'message'))[0];
    },
    stop: () => stop(child),
  };
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exit;
  clearTimeout(late);
}

/** Processor time of a process with all its threads, in seconds; undefined without /proc. */
export function cpuSeconds(pid) {
  // The second field, the name in brackets, may contain spaces. Linux counts in ticks of 10 ms.
  const fields = fromProc(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory in MB; undefined without /proc. */
export function residentMb(pid) {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(fromProc(pid, 'status') ?? '')?.[1];
  return kib && Math.round(Number(kib) / 1024);
}

function fromProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
