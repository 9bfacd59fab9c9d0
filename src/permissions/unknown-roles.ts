import type { Logger } from 'pino';
import type { Db } from '../platform/db/database.js';
import { roles } from './permissions.js';

/** A role that the code no longer knows gives nothing; who renamed or removed one should hear of its users. */
export async function warnOfUnknownRoles({ db, log }: { db: Db; log: Logger }): Promise<void> {
  const known = roles.map(({ name }) => name);
  const unknown = await db.$queryRaw<{ role: string; users: number }[]>`
    SELECT role, count(*)::int AS users FROM "user" u, unnest(u.roles) role
    WHERE u.roles <> '{}' AND role <> ALL(${known}) GROUP BY role ORDER BY role LIMIT 20`;
  for (const { role, users } of unknown)
    log.warn({ role, users }, 'users have a role that src/own/permissions.ts does not have: it gives them nothing');
}
