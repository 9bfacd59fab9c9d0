// @ts-expect-error It is plain JavaScript.
import * as plain from '../../deploy/topology/topology.mjs';
// @ts-expect-error It is plain JavaScript.
import { build } from '../../scripts/build.mjs';

/** A program of the topology, which keeps its port and its data over restarts. */
export type Program = {
  url: string;
  pid: number | undefined;
  /** @throws if it does not run within half a minute */
  start(): Promise<void>;
  /** Sends a signal, by default SIGTERM. @returns the exit code, or null if the signal itself ended it */
  end(signal?: NodeJS.Signals): Promise<number | null>;
};

/** A program whose log goes to a file. */
type Logging = Program & { log: string };

export type TopologyInstance = Logging & {
  /** Its working directory. */
  cwd: string;
};

export type Topology = {
  /** The URL of nginx, in front of the instances. */
  url: string;
  nginx: Logging;
  instances: TopologyInstance[];
  primary: Program;
  replica: Program | undefined;
  redis: Program;
  /** Of each instance. */
  settings: Record<string, string>;
  stop(): Promise<void>;
};

type Options = { count?: number; withReplica?: boolean; settings?: Record<string, string> };

/** nginx, compiled instances, Postgres and Redis, as `npm run topology` starts them; about three seconds. */
export async function startTopology(options: Options = {}): Promise<Topology> {
  await build();
  const settings = { PASSWORD_HASH: 'm=1024,t=1,p=1', ...options.settings };
  return await plain.startTopology({ ...options, settings });
}
