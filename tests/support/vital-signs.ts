import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** The state of a server process since the last question. */
export type Vitals = {
  /**
   * The longest time the event loop was blocked, in milliseconds: the processor time it used (`own`), and the whole
   * time including other processes (`wall`).
   */
  stall: { own: number; wall: number };
  /** How many times as long as on the machine of the limits a fixed piece of work takes here and now. */
  slowness: number;
  /** Bytes in use after a garbage collection: JavaScript and buffers (`held`), and the whole process (`rss`). */
  held: number;
  rss: number;
};

const preload = fileURLToPath(new URL('./vital-signs.preload.mjs', import.meta.url));

/**
 * The environment for a server, and a way to ask for its state. Needs Linux, which tells how long a thread ran.
 * @param nodeOptions of the server
 */
export function vitalSigns(nodeOptions = ''): { environment: Record<string, string>; ask(): Promise<Vitals> } {
  const path = join(tmpdir(), `gatelatch-vital-signs-${randomUUID()}`);
  return {
    environment: { NODE_OPTIONS: `--import ${preload} ${nodeOptions}`, VITAL_SIGNS: path },
    ask: async () => (await json(connect(path))) as Vitals,
  };
}
