// npm run example:<name>: Gatelatch with an example, until Ctrl-C. Its data is in the example's folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const { GATELATCH_PORT = '3100', SPA_PORT = '5173', ORDERS_PORT = '4000' } = process.env;
const gatelatchUrl = `http://localhost:${GATELATCH_PORT}`;
const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')));

const examples = {
  spa: {
    url: `http://localhost:${SPA_PORT}`,
    settings: { CORS_ORIGINS: `http://localhost:${SPA_PORT}` },
    command: [vite, '--port', SPA_PORT, '--strictPort', '--logLevel', 'warn'],
    environment: { VITE_GATELATCH_URL: gatelatchUrl },
  },
  'resource-server': {
    url: `http://localhost:${ORDERS_PORT}`,
    settings: {},
    command: ['server.js'],
    environment: { PORT: ORDERS_PORT, GATELATCH_URL: gatelatchUrl },
  },
};

const [, , name = ''] = process.argv;
const example = examples[name];
if (!example) throw new Error(`There is no example ${name}: ${Object.keys(examples).join(', ')}.`);

const folder = fileURLToPath(new URL(`${name}/`, import.meta.url));
const running = [];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);

const server = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url));
run([server], { PORT: GATELATCH_PORT, JWT_ISSUER: gatelatchUrl, ...example.settings });
await until(gatelatchUrl, '/readyz');
run(example.command, example.environment);
await until(example.url, '/');
console.log(`\n  The example is open at ${example.url}, and Gatelatch at ${gatelatchUrl}. Ctrl-C stops both.\n`);

/** Starts a program in the example's folder. If one ends, the other ends too. */
function run(command, environment) {
  const env = { LOG_LEVEL: 'warn', ...process.env, ...environment };
  const child = spawn(process.execPath, command, { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] });
  running.push(child);
  child.once('exit', (code) => {
    process.exitCode ??= code ?? 1;
    stop();
  });
}

async function until(url, path) {
  const isOpen = () =>
    fetch(url + path).then(
      () => true,
      () => false,
    );
  while (running.every(({ exitCode }) => exitCode === null) && !(await isOpen())) await sleep(100);
}

async function stop() {
  process.exitCode ??= 0;
  const left = running.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = left.map((child) => once(child, 'exit'));
  for (const child of left) child.kill('SIGTERM');
  await Promise.all(ended);
  process.exit();
}
