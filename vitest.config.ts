import { configDefaults, defineConfig } from 'vitest/config';

const NEEDS_POSTGRES = '**/*.postgres.test.ts';

// `vitest run` needs nothing but Node. `vitest run --mode postgres` runs everything, on a real Postgres: the one that
// TEST_DATABASE_URL names, else a throw-away one.
export default defineConfig(({ mode }) => ({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: mode === 'postgres' ? configDefaults.exclude : [...configDefaults.exclude, NEEDS_POSTGRES],
    globalSetup: [
      ...(mode === 'postgres' ? ['tests/support/postgres-server.ts'] : []),
      'tests/support/template-databases.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
}));
