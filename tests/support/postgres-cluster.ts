import { execFileSync } from 'node:child_process';
// @ts-expect-error It is plain JavaScript.
import { createTemporaryPostgres } from '../../deploy/topology/postgres.mjs';
import type { Program } from './topology.js';

/** A temporary Postgres server on its own port. */
export type PostgresCluster = {
  /** The superuser's URL. */
  url: string;
  /** Stops answering, as a hung machine does: it accepts connections but sends nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, as a crash does. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same port with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
};

/**
 * Creates and starts a cluster; about a second.
 * @param settings of postgresql.conf, such as `timezone=America/Sao_Paulo`.
 * @throws a clear line if there is no `initdb`.
 */
export async function startPostgresCluster(settings: string[] = []): Promise<PostgresCluster> {
  const server: Program & { remove(): Promise<void> } = await createTemporaryPostgres(['fsync=off', ...settings]);
  await server.start();
  const thaw = () => signalAll(server, 'SIGCONT');
  return {
    url: server.url,
    freeze: () => signalAll(server, 'SIGSTOP'),
    thaw,
    async crash() {
      signalAll(server, 'SIGKILL');
      await server.end('SIGKILL');
    },
    restart: () => server.start(),
    async remove() {
      thaw();
      await server.remove();
    },
  };
}

// Each backend has its own process group, so they must be found one by one.
function signalAll({ pid: server }: Program, signal: NodeJS.Signals): void {
  if (server === undefined) return;
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const processes = listing.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  for (const [pid, parent] of processes) {
    if (pid !== undefined && (pid === server || parent === server)) signalOne(pid, signal);
  }
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
