import { startPostgresCluster } from './postgres-cluster.js';

/** Vitest's global setup for `--mode postgres`: makes sure that TEST_DATABASE_URL names a server. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_DATABASE_URL) return undefined;
  const cluster = await startPostgresCluster();
  process.env.TEST_DATABASE_URL = cluster.url;
  return cluster.remove;
}
