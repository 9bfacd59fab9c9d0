import { randomBytes } from 'node:crypto';
import { onServer } from './template-databases.js';
import { createServerDatabase, type TestDatabase } from './test-database.js';

export type RoleDatabase = TestDatabase & {
  role: string;
  /** Runs one statement there as the server's superuser. */
  run(sql: string): Promise<Record<string, unknown>[]>;
};

/** An empty database of a role of its own, which is no superuser: the app's, as an administrator would make it. */
export async function createRoleDatabase(): Promise<RoleDatabase> {
  const database = await createServerDatabase('empty');
  const role = `gatelatch_role_${randomBytes(6).toString('hex')}`;
  const run = (sql: string) => onServer(database.url, sql);
  await run(`CREATE ROLE ${role} LOGIN PASSWORD 'role'`);
  await run(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} OWNER TO ${role}`);
  const url = Object.assign(new URL(database.url), { username: role, password: 'role' }).href;
  return {
    url,
    role,
    run,
    async drop() {
      await database.drop();
      await onServer(new URL('/postgres', database.url).href, `DROP ROLE ${role}`);
    },
  };
}
