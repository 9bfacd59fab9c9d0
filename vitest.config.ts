import { readdirSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';
import { opensDatabase } from './tests/support/opens-database.js';

const NEEDS_POSTGRES = '**/*.postgres.test.ts';
const NEEDS_BROWSER = '**/*.browser.test.ts';
const NEWMAN = '**/*.newman.test.ts';
const NEEDS_CORP = '**/*.corp.test.ts';
const NEEDS_CURL = '**/*.docs.test.ts';
const TAKES_LONG = '**/*.long.test.ts';

const BY_MODE: Record<string, string> = {
  browser: NEEDS_BROWSER,
  postman: NEWMAN,
  providers: NEEDS_CORP,
  docs: NEEDS_CURL,
  long: TAKES_LONG,
};

// What takes minutes, processes of its own and the machine for itself has a mode of its own.
const ALONE = ['faults', 'abuse', 'copies', 'image', 'topology'];
const filesOf = (mode: string) => [
  `tests/${mode}/*.${mode}.test.ts`,
  ...(mode === 'copies' ? ['tests/merge.test.ts', 'tests/examples/start.test.ts'] : []),
];

// What `vitest run` runs and what would be the same on a real Postgres.
const withoutDatabase = () =>
  readdirSync('tests', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.postgres.test.ts'))
    .map((name) => `tests/${name}`)
    .filter((file) => !opensDatabase(file));

// `vitest run` needs nothing but Node. `vitest run --mode postgres` runs what opens a database, and more, on a real
// Postgres: the one that TEST_DATABASE_URL names, else a throw-away one. `vitest run --mode browser` runs what needs
// Chromium, `vitest run --mode providers` what needs a real OpenID provider, and `vitest run --mode postman` the Postman
// collection, on both kinds of database. `vitest run --mode docs` runs the commands of README and docs/, which need bash
// and curl. `vitest run --mode long` runs what is the same on any database and takes long by nature: many processes,
// compilers, a million tokens.
export default defineConfig(({ mode }) => ({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes as soon as it can; a busy machine is no failure.
    expect: { poll: { timeout: 10_000 } },
    ...(ALONE.includes(mode) ? { include: filesOf(mode), maxWorkers: 1 } : together(mode)),
  },
}));

function together(mode: string) {
  return {
    include: [BY_MODE[mode] ?? 'tests/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...ALONE.flatMap(filesOf),
      ...(mode === 'postgres' ? withoutDatabase() : [NEEDS_POSTGRES]),
      ...(mode === 'browser' ? [] : [NEEDS_BROWSER]),
      ...(mode === 'postman' ? [] : [NEWMAN]),
      ...(mode === 'providers' ? [] : [NEEDS_CORP]),
      ...(mode === 'docs' ? [] : [NEEDS_CURL]),
      ...(mode === 'long' ? [] : [TAKES_LONG]),
    ],
    globalSetup: [
      ...(mode === 'postgres' || mode === 'postman' ? ['tests/support/postgres-server.ts'] : []),
      ...(mode === 'browser' ? ['tests/support/chromium.ts'] : []),
      ...(mode === 'docs' ? [] : ['tests/support/template-databases.ts']),
    ],
    // Files of one worker share what costs most: modules, and the embedded databases of tests/support/lent-databases.ts.
    isolate: mode === 'browser',
    execArgv: ['--expose-gc'],
    setupFiles: ['tests/support/free-memory.ts'],
    // A browser is several processes by itself.
    maxWorkers: mode === 'browser' ? 1 : 2,
  };
}
