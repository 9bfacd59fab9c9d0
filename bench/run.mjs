// `npm run bench`: Gatelatch compared with its limits and peers, in one run on one machine, as ratios: an absolute
// number means little on another machine.
//
//     npm run bench -- [--quick] [--database=postgres|embedded] [--argon2=<folder>]
//       [--only=welcome,key,me,todos,refresh,login,signup,start,flood,growth]
//
// `--argon2`: the result of scripts/build-argon2.sh, as the image uses it: for Gatelatch and its bare loop.
// By default everything runs except `growth`, which first fills a database with a million users.
//
// Database: DATABASE_URL if it is postgresql:// (the bench creates and drops its own database there); else a temporary
// cluster if `initdb` is found; else the embedded one, in memory.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTemporaryPostgres, findPostgres } from '../deploy/topology/postgres.mjs';
import { connections, prepareContests } from './contests.mjs';
import { measureFlood } from './flood.mjs';
import { growTo } from './growth.mjs';
import { logIn, signUpMany } from './people.mjs';
import { createDatabase, versionOf } from './postgres.mjs';
import { coresInWords, startGatelatch, startPeer } from './processes.mjs';
import { measureStartUp } from './start-up.mjs';
import { printFlood, printGrowth, printRatios, printStartUp } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    database: { type: 'string' },
    argon2: { type: 'string' },
    only: { type: 'string', default: 'welcome,key,me,todos,refresh,login,signup,start,flood' },
  },
});
const wanted = new Set(options.only.split(','));
const onlyStart = options.only === 'start';
const plan = options.quick
  ? { rounds: 3, seconds: 1, warmUp: 1, starts: 1 }
  : { rounds: 5, seconds: 2, warmUp: 2, starts: 3 };

// As argon2's own loader reads it.
const compiled = options.argon2 === undefined ? {} : { ARGON2_PREBUILD: resolve(options.argon2) };

const root = fileURLToPath(new URL('..', import.meta.url));
const origin = 'https://app.example';
const embedded = { name: 'embedded PGlite, in memory', create: async () => 'pglite:memory', isServer: false };

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
  const arena = onlyStart ? undefined : await openArena({ directory, database });
  const contests = arena ? await prepareContests(wanted, arena) : [];
  const measured = await holdAll(contests);
  const rows = measured.flatMap(ratios);
  const flood = arena && wanted.has('flood') ? await holdFlood(arena) : undefined;
  const growth = arena && wanted.has('growth') ? await holdGrowth(contests, arena) : [];

  printRatios(rows);
  printStartUp(startUp);
  if (flood) printFlood(flood);
  printGrowth(growth);
  const file = join(root, 'bench/results', `${startedAt.toISOString().replace(/[:.]/g, '-')}.json`);
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  const facts = {
    date: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    machine: machine(loadBefore),
    database: database.name,
    packages: packageVersions(),
    plan: { ...plan, connections, argon2: options.argon2 },
  };
  writeFileSync(file, `${JSON.stringify({ ...facts, rows, startUp, flood, growth, rounds: measured }, null, 2)}\n`);
  console.log(`\n${facts.seconds} s; figures of each round in ${file.slice(root.length)}.`);
}

async function chooseDatabase() {
  const given = process.env.DATABASE_URL;
  if (options.database === 'embedded') return embedded;
  if (/^postgres(ql)?:\/\//.test(given ?? '')) return server(given);
  if (findPostgres()) {
    // With its default settings each commit is on disk.
    const cluster = await createTemporaryPostgres([]);
    await cluster.start();
    later(cluster.remove);
    return server(cluster.url);
  }
  if (options.database === 'postgres') throw new Error('There is no DATABASE_URL, and no Postgres on this machine.');
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

/** Gatelatch as in production, with some users, and a way to start its peers. */
async function openArena({ directory, database }) {
  const databaseUrl = await database.create('load');
  const gatelatch = await started(startGatelatch({ databaseUrl, cwd: directory, origin, env: compiled }));
  return {
    gatelatch,
    origin,
    compiled,
    databaseUrl,
    isServer: database.isServer,
    users: await signUpMany(gatelatch, connections.refresh, 'bench'),
    peer: (name, env) => started(startPeer(name, { DATABASE_URL: databaseUrl, ...env })),
  };
}

async function started(starting) {
  const child = await starting;
  later(child.stop);
  return child;
}

async function holdAll(contests) {
  const measured = [];
  for (const contest of contests) measured.push(await hold(contest));
  return measured;
}

async function holdFlood(arena) {
  note('/welcome under a flood of logins …');
  return measureFlood(arena, plan);
}

/** Our own figures again, while the same database fills up. Logins are those of users who have signed in before. */
async function holdGrowth(contests, { databaseUrl, isServer, gatelatch, users: askers }) {
  if (!isServer) throw new Error('Growth is measured on Postgres.');
  const sizes = [];
  for (const users of options.quick ? [1_000, 10_000] : [1_000, 100_000, 1_000_000]) {
    note(`Filling up to ${users} users …`);
    const names = await growTo(databaseUrl, users, askers.length);
    // Replaces the known users: figures need rows from all over the tables.
    for (const [n, name] of names.entries()) askers[n] = await logIn(gatelatch, name);
    const measured = await holdAll(contests.map((contest) => ({ ...contest, rivals: [] })));
    sizes.push({ users, figures: measured.map(({ name, rounds }) => ({ name, ...middleOf(rounds, 'Gatelatch') })) });
  }
  return sizes;
}

/** All take turns, round by round, so that other load on the machine affects them equally. */
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
    // Other load on the machine: above 1 before the run, the figures are of a busy machine.
    loadBefore,
    loadAfter: loadavg()[0],
  };
}

function packageVersions() {
  const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const { version, dependencies } = read('package.json');
  return { gatelatch: version, commit: commit(), ...dependencies, ...read('bench/package.json').dependencies };
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
