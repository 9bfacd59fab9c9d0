import pg from 'pg';

/** Its own database on that server: the bench touches no other. */
export async function createDatabase(serverUrl, name) {
  const sql = (text) => withClient(serverUrl, (client) => client.query(text));
  await sql(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => sql(`DROP DATABASE ${name} WITH (FORCE)`) };
}

export async function versionOf(url) {
  return withClient(url, async (client) => (await client.query('SHOW server_version')).rows[0].server_version);
}

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}
