import { randomBytes } from 'node:crypto';
import pg from 'pg';

/**
 * Fills a migrated database by SQL up to this many users with three sessions each, to measure a database that has
 * grown. All have the password of the existing users.
 * @returns the usernames of some of them, from all over the table
 */
export async function growTo(databaseUrl, users, some) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT count(*)::int AS count FROM "user"');
    const prefix = randomBytes(4).toString('hex');
    await client.query(
      `INSERT INTO "user" (id, username, username_key, email, email_key, password_hash)
       SELECT gen_random_uuid(), name, name, name || '@example.com', name || '@example.com',
         (SELECT password_hash FROM "user" ORDER BY created_at LIMIT 1)
       FROM generate_series(1, $1::int) n, LATERAL (SELECT '${prefix}-' || n AS name) named`,
      [Math.max(0, users - rows[0].count)],
    );
    await client.query(
      `INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
       SELECT gen_random_uuid(), u.id, decode(md5(random()::text), 'hex'), now() + interval '15 minutes'
       FROM "user" u, generate_series(1, 3) WHERE u.username LIKE '${prefix}-%'`,
    );
    await client.query('VACUUM ANALYZE "user", session');
    const { rows: chosen } = await client.query('SELECT username FROM "user" ORDER BY random() LIMIT $1', [some]);
    return chosen.map(({ username }) => username);
  } finally {
    await client.end();
  }
}
