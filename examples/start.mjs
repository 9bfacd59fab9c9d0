// npm run example:<name>: Gatelatch with an example, until Ctrl-C. Its data is in the example's folder.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildVerify, step } from '../scripts/build.mjs';

const { GATELATCH_PORT = '3100', SPA_PORT = '5173', ORDERS_PORT = '4000', CORP_PORT = '4001' } = process.env;
const gatelatchUrl = `http://localhost:${GATELATCH_PORT}`;
const corpUrl = `http://localhost:${CORP_PORT}`;
const corpSecret = randomBytes(32).toString('hex');
const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')));

const examples = {
  spa: {
    url: `http://localhost:${SPA_PORT}`,
    settings: {
      CORS_ORIGINS: `http://localhost:${SPA_PORT}`,
      REDIRECT_URIS: `http://localhost:${SPA_PORT}/callback`,
      PROVIDERS: 'corp',
      PROVIDER_CORP_LABEL: 'Corp',
      PROVIDER_CORP_ISSUER: corpUrl,
      PROVIDER_CORP_CLIENT_ID: 'gatelatch',
      PROVIDER_CORP_CLIENT_SECRET: corpSecret,
      PROVIDER_CORP_TRUST_EMAIL: 'verified',
    },
    provider: {
      folder: 'corp',
      command: ['corp.mjs'],
      environment: {
        CORP_PORT,
        CORP_CLIENT_SECRET: corpSecret,
        CORP_REDIRECT_URIS: `${gatelatchUrl}/auth/callback/corp`,
      },
    },
    command: [vite, '--port', SPA_PORT, '--strictPort', '--logLevel', 'warn'],
    environment: { VITE_GATELATCH_URL: gatelatchUrl },
  },
  'resource-server': {
    url: `http://localhost:${ORDERS_PORT}`,
    settings: { PLAYGROUND_SERVICE: `http://localhost:${ORDERS_PORT}/orders` },
    command: ['server.js'],
    environment: { PORT: ORDERS_PORT, GATELATCH_URL: gatelatchUrl, PAGES_ORIGIN: gatelatchUrl },
  },
};

const [, , name = ''] = process.argv;
const example = examples[name];
if (!example) throw new Error(`There is no example ${name}: ${Object.keys(examples).join(', ')}.`);

const running = [];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);

if (example.provider) {
  const { folder, command, environment } = example.provider;
  install(`examples/${folder}`);
  run(folder, command, environment);
}
if (name === 'resource-server') await step(buildVerify);
run(name, [pathOf('../scripts/start.mjs')], { PORT: GATELATCH_PORT, JWT_ISSUER: gatelatchUrl, ...example.settings });
await until(gatelatchUrl, '/readyz');
run(name, example.command, example.environment);
await until(example.url, '/');
console.log(`\n  The example is open at ${example.url}, and Gatelatch at ${gatelatchUrl}. Ctrl-C stops all.\n`);

/** What `npm ci` at the root leaves out. */
function install(folder) {
  const { status } = spawnSync(process.execPath, [pathOf('../scripts/packages.mjs'), folder], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function pathOf(file) {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Starts a program in a folder of the examples. If one ends, the others end too. */
function run(folder, command, environment) {
  const env = { LOG_LEVEL: 'warn', ...process.env, ...environment };
  const child = spawn(process.execPath, command, {
    cwd: pathOf(`${folder}/`),
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
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
