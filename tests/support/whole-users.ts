import pg from 'pg';
import { expect } from 'vitest';

/** Expects that each sign-up stored its user, first session and audit event together, or none of them. */
export async function expectWholeUsers(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(`
    SELECT u.id FROM "user" u WHERE NOT EXISTS (SELECT FROM session s WHERE s.user_id = u.id)
      OR (SELECT count(*) FROM audit_event e WHERE e.user_id = u.id AND e.action = 'user.created') <> 1
      OR (SELECT count(*) FROM session s WHERE s.user_id = u.id)
        <> (SELECT count(*) FROM audit_event e WHERE e.user_id = u.id AND e.action IN ('user.created', 'login.succeeded'))`);
  await client.end();
  expect(rows).toEqual([]);
}
