import { configDefaults, defineConfig } from 'vitest/config';

const NEEDS_POSTGRES = '**/*.postgres.test.ts';
const NEWMAN = '**/*.newman.test.ts';

// `vitest run` needs nothing but Node. `vitest run --mode postgres` runs the same and more, on a real Postgres: the one
// that TEST_DATABASE_URL names, else a throw-away one. `vitest run --mode postman` runs the Postman collection, on both
// kinds of database.
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === 'postman' ? [NEWMAN] : ['tests/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...(mode === 'postman' ? [] : [NEWMAN]),
      ...(mode === 'postgres' ? [] : [NEEDS_POSTGRES]),
    ],
    globalSetup: [
      ...(mode === 'test' ? [] : ['tests/support/postgres-server.ts']),
      'tests/support/template-databases.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
}));
