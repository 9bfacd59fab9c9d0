import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { startAppForTest } from '../support/app.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { onServer, withDatabase } from '../support/template-databases.js';

const file = (path: string) => new URL(`../../${path}`, import.meta.url);
const script = file('deploy/postgres/app-role.sh').pathname;

async function startCluster(): Promise<PostgresCluster> {
  const cluster = await startPostgresCluster();
  onTestFinished(cluster.remove);
  return cluster;
}

/** As the image runs it: POSTGRES_PASSWORD in the environment, and no password needed from inside the container. */
async function makeRole({ url }: PostgresCluster): Promise<void> {
  const { hostname, port } = new URL(url);
  const env = { PATH: process.env.PATH, PGHOST: hostname, PGPORT: port, POSTGRES_PASSWORD: "it's 1 \\ word" };
  await promisify(execFile)('sh', [script], { env });
}

const asRole = ({ url }: PostgresCluster, role: string) =>
  Object.assign(new URL(withDatabase(url, 'gatelatch')), { username: role }).href;

const roles = async (cluster: PostgresCluster) =>
  await onServer(
    asRole(cluster, 'postgres'),
    `SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL AS closed
     FROM pg_authid WHERE rolcanlogin ORDER BY rolname`,
  );

const wanted = [
  { rolname: 'gatelatch', rolsuper: false, rolcreaterole: false, rolcreatedb: false, closed: false },
  { rolname: 'postgres', rolsuper: true, rolcreaterole: true, rolcreatedb: true, closed: true },
];

describe('the role of the app in Compose', { timeout: 60_000 }, () => {
  it('is no superuser in a new volume, and the app can do all it must', async () => {
    const cluster = await startCluster();
    await onServer(cluster.url, 'CREATE DATABASE gatelatch');
    await makeRole(cluster);
    expect(await roles(cluster)).toEqual(wanted);
    const app = await startAppForTest({}, { databaseUrl: asRole(cluster, 'gatelatch') });
    const { bearer } = await app.signUp();
    await app.http.get('/welcome').set(bearer).expect(200);
  });

  it('is taken from the superuser in an existing volume, while the app runs; nothing is lost', async () => {
    const cluster = await startCluster();
    // As the image made it: the first superuser is called gatelatch.
    await onServer(cluster.url, 'CREATE ROLE other SUPERUSER LOGIN');
    const other = Object.assign(new URL(cluster.url), { username: 'other' }).href;
    await onServer(other, `ALTER ROLE postgres RENAME TO gatelatch`);
    await onServer(other, 'CREATE DATABASE gatelatch OWNER gatelatch');
    const app = await startAppForTest({}, { databaseUrl: asRole(cluster, 'gatelatch') });
    const { username, password, bearer } = await app.signUp();
    await onServer(other, 'ALTER ROLE other NOLOGIN');

    await makeRole(cluster);
    expect(await roles(cluster)).toEqual(wanted);
    await app.http.get('/welcome').set(bearer).expect(200);
    const next = await startAppForTest({}, { databaseUrl: asRole(cluster, 'gatelatch') });
    await next.http.post('/auth/login').send({ username, password }).expect(200);
    await next.deps.db.$executeRaw`ALTER TABLE todo ADD COLUMN later int`;
  });

  it('is the one that the compose files connect as, and the script is where the image looks for it', () => {
    for (const name of ['docker-compose.yml', 'docker-compose.scale.yml']) {
      const { api, postgres } = parse(readFileSync(file(name), 'utf8')).services;
      expect(new URL(api.environment.DATABASE_URL)).toMatchObject({ username: 'gatelatch', pathname: '/gatelatch' });
      expect(postgres.environment).toMatchObject({ POSTGRES_USER: 'postgres', POSTGRES_DB: 'gatelatch' });
      expect(api.environment.PGPASSWORD).toBe(postgres.environment.POSTGRES_PASSWORD);
      expect(postgres.volumes).toContain('./deploy/postgres/app-role.sh:/docker-entrypoint-initdb.d/app-role.sh:ro');
    }
  });
});
