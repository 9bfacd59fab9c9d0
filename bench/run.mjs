// `npm run bench`: Gatelatch beside what limits it, in one run on one machine, as ratios. What a number is worth
// elsewhere nobody knows; what a ratio is worth, the same machine at the same minute tells.
//
//   npm run bench -- [--quick] [--database=postgres|embedded] [--only=welcome,me,login,refresh,start]
//
// Database: DATABASE_URL, where it is postgresql:// (a database of the bench's own is made there and dropped); else
// a throw-away cluster, where `initdb` is found; else the embedded one, in memory.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fire, loop } from './load.mjs';
import { createDatabase, findPostgres, startPostgres, versionOf } from './postgres.mjs';
import { coresInWords, startGatelatch, startPeer } from './processes.mjs';
import { measureStartUp } from './start-up.mjs';
import { printRatios, printStartUp } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    database: { type: 'string' },
    only: { type: 'string', default: 'welcome,me,login,refresh,start' },
  },
});
const wanted = new Set(options.only.split(','));
const plan = options.quick
  ? { rounds: 3, seconds: 1, warmUp: 1, loginWarmUp: 5, starts: 1 }
  : { rounds: 5, seconds: 2, warmUp: 2, loginWarmUp: 25, starts: 3 };

const root = fileURLToPath(new URL('..', import.meta.url));
const node24 = Number(process.versions.node.split('.')[0]) >= 24;
const origin = 'https://app.example';
const password = 'correct horse battery staple';
const embedded = { name: 'embedded PGlite, in memory', create: async () => 'pglite:memory', isServer: false };
const connections = { read: 64, login: 8, refresh: 16 };

const cleanUps = [];
const later = (cleanUp) => cleanUps.unshift(cleanUp);
async function cleanUp() {
  for (const work of cleanUps.splice(0)) await work().catch((error) => console.error(error.message));
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => cleanUp().finally(() => process.exit(1)));

try {
  await run();
} finally {
  await cleanUp();
}

async function run() {
  const startedAt = new Date();
  const loadBefore = loadavg()[0];
  const directory = mkdtempSync(join(tmpdir(), 'gatelatch-bench-'));
  later(async () => rmSync(directory, { recursive: true, force: true }));
  const database = await chooseDatabase();
  note(
    `Node ${process.versions.node}, ${database.name}, ${cpus().length} cores${coresInWords && `: ${coresInWords}`}.`,
  );

  const startUp = wanted.has('start') ? await measureStartUp({ directory, database, origin, ...plan }, note) : [];
  const contests = await prepareContests({ directory, database });
  const measured = [];
  for (const contest of contests) measured.push(await hold(contest));
  const rows = measured.flatMap(ratios);

  printRatios(rows);
  printStartUp(startUp);
  const file = join(root, 'bench/results', `${startedAt.toISOString().replace(/[:.]/g, '-')}.json`);
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  const facts = {
    date: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    machine: machine(loadBefore),
    database: database.name,
    packages: packageVersions(),
    plan: { ...plan, connections },
  };
  writeFileSync(file, `${JSON.stringify({ ...facts, rows, startUp, rounds: measured }, null, 2)}\n`);
  console.log(`\n${facts.seconds} s; figures of each round in ${file.slice(root.length)}.`);
}

async function chooseDatabase() {
  const given = process.env.DATABASE_URL;
  if (options.database === 'embedded') return embedded;
  if (/^postgres(ql)?:\/\//.test(given ?? '')) return server(given);
  const bin = findPostgres();
  if (bin) {
    const cluster = await startPostgres(bin);
    later(cluster.remove);
    return server(cluster.url);
  }
  if (options.database === 'postgres')
    throw new Error('There is no DATABASE_URL, and no initdb to make a cluster with.');
  return embedded;
}

async function server(url) {
  return {
    name: `Postgres ${await versionOf(url)}`,
    isServer: true,
    async create(name) {
      const made = await createDatabase(url, `gatelatch_bench_${process.pid}_${name}`);
      later(made.remove);
      return made.url;
    },
  };
}

/** Everything that is compared, alive together: a row each, with those that take turns in it. */
async function prepareContests({ directory, database }) {
  if (![...wanted].some((name) => name !== 'start')) return [];
  const databaseUrl = await database.create('load');
  const gatelatch = await started(startGatelatch({ databaseUrl, cwd: directory, origin }));
  const users = await Promise.all(
    Array.from({ length: connections.refresh }, (_, n) => signUp(gatelatch, `bench-${n}`)),
  );
  const bearer = { authorization: `Bearer ${users[0].access_token}`, origin };
  const json = { 'content-type': 'application/json' };
  const peer = (name, env) => started(startPeer(name, { DATABASE_URL: databaseUrl, ...env }));

  const contests = [];
  if (wanted.has('welcome')) {
    const textbook = await peer('textbook');
    contests.push({
      name: 'GET /welcome',
      subject: reading(gatelatch, { path: '/welcome', headers: bearer }),
      rivals: [
        {
          name: 'bare Express 5 hello',
          target: node24 ? { now: 0.5, later: 0.7 } : { now: 1, later: 2 },
          ...reading(await peer('hello-express'), { path: '/' }),
        },
        {
          name: 'bare node:http hello',
          target: node24 ? {} : { later: 0.3 },
          ...reading(await peer('hello-http'), { path: '/' }),
        },
        {
          name: 'textbook passport-jwt',
          target: node24 ? {} : { now: 8, later: 15 },
          ...reading(textbook, { path: '/welcome', headers: { authorization: `Bearer ${textbook.token}` } }),
        },
      ],
    });
  }
  const prisma =
    wanted.has('me') || wanted.has('refresh')
      ? await peer('express-prisma', { BENCH_SESSIONS: connections.refresh })
      : undefined;
  if (wanted.has('me'))
    contests.push({
      name: 'GET /me',
      subject: reading(gatelatch, { path: '/me', headers: bearer }),
      rivals: [{ name: 'Express + one findUnique', target: { later: 0.6 }, ...reading(prisma, { path: '/me' }) }],
    });
  if (wanted.has('refresh'))
    contests.push({
      name: 'POST /auth/refresh',
      subject: {
        ...gatelatch,
        measure: fire,
        connections: connections.refresh,
        // Each client goes on with the token that it was given: every request is a real rotation.
        request: (n) => ({
          method: 'POST',
          path: '/auth/refresh',
          headers: json,
          body: JSON.stringify({ refresh_token: users[n].refresh_token }),
          onReply(body) {
            users[n].refresh_token = JSON.parse(body).refresh_token;
            return JSON.stringify({ refresh_token: users[n].refresh_token });
          },
        }),
      },
      rivals: [
        {
          name: 'Express + the same statement',
          target: { later: 0.75 },
          ...prisma,
          measure: fire,
          connections: connections.refresh,
          request: (n) => ({ method: 'POST', path: `/refresh/${n}` }),
        },
      ],
    });
  if (wanted.has('login'))
    contests.push({
      name: 'POST /auth/login',
      subject: {
        ...gatelatch,
        measure: fire,
        connections: connections.login,
        request: (n) => ({
          method: 'POST',
          path: '/auth/login',
          headers: json,
          // As a device that has signed in before does; it spares the mail about a new one.
          body: JSON.stringify({ username: `bench-${n}`, password, device_token: users[n].device_token }),
        }),
        // A path taken forty times a second is long interpreted before it is compiled.
        warmUp: plan.loginWarmUp,
      },
      rivals: [
        {
          name: 'bare argon2 verify loop',
          target: { now: 0.85, later: 0.95 },
          // The default of PASSWORD_HASH.
          ...(await peer('argon2-loop', { BENCH_MEMORY_KIB: 19456, BENCH_PASSES: 2, BENCH_LANES: 1 })),
          measure: loop,
          connections: connections.login,
        },
      ],
    });
  return contests;
}

async function started(starting) {
  const child = await starting;
  later(child.stop);
  return child;
}

function reading(child, request) {
  return { ...child, measure: fire, connections: connections.read, request: () => ({ method: 'GET', ...request }) };
}

async function signUp({ url }, username) {
  const response = await fetch(`${url}/auth/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  if (response.status !== 201) throw new Error(`Sign-up answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** All of a row take turns, round by round, so that whatever else the machine does meets them alike. */
async function hold({ name, subject, rivals }) {
  note(`${name} …`);
  const all = [{ name: 'Gatelatch', ...subject }, ...rivals];
  for (const one of all) await one.measure(one, one.warmUp ?? plan.warmUp);
  const rounds = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    const figures = {};
    for (const one of all) figures[one.name] = await one.measure(one, plan.seconds);
    rounds.push(figures);
  }
  return { name, targets: rivals.map(({ name, target }) => ({ name, target })), rounds };
}

function ratios({ name, targets, rounds }) {
  return targets.map((rival) => {
    const over = (figure) => median(rounds.map((round) => figure(round.Gatelatch) / figure(round[rival.name])));
    return {
      name,
      rival: rival.name,
      ours: middleOf(rounds, 'Gatelatch'),
      theirs: middleOf(rounds, rival.name),
      ratio: over(({ perSecond }) => perSecond),
      cpuRatio: over(({ cpuMicros }) => 1 / cpuMicros),
      target: rival.target,
    };
  });
}

function middleOf(rounds, name) {
  const keys = Object.keys(rounds[0][name]);
  return Object.fromEntries(keys.map((key) => [key, median(rounds.map((round) => round[name][key]))]));
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function machine(loadBefore) {
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    divided: coresInWords,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
    // What else the machine was doing: well over 1 before the run, the figures are of a busy machine.
    loadBefore,
    loadAfter: loadavg()[0],
  };
}

function packageVersions() {
  const { version, dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return { gatelatch: version, commit: commit(), ...dependencies, autocannon: devDependencies.autocannon };
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return undefined;
  }
}

function note(text) {
  console.error(text);
}
