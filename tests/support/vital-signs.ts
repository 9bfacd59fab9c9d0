import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** How a server process has been since it was last asked. */
export type Vitals = {
  /**
   * The longest that its event loop was held up, in milliseconds: the processor's time that it took meanwhile (`own`), and
   * with the time in which other processes had the cores (`wall`).
   */
  stall: { own: number; wall: number };
  /** Bytes that are in use after a garbage collection: JavaScript's and buffers, and all that the process has. */
  held: number;
  rss: number;
};

const preload = fileURLToPath(new URL('./vital-signs.preload.mjs', import.meta.url));

/** What to start a server with, so that it can be asked how it is. Needs Linux, which tells how long a thread has had a core. */
export function vitalSigns(): { environment: Record<string, string>; ask(): Promise<Vitals> } {
  const path = join(tmpdir(), `gatelatch-vital-signs-${randomUUID()}`);
  return {
    environment: { NODE_OPTIONS: `--import ${preload}`, VITAL_SIGNS: path },
    ask: async () => (await json(connect(path))) as Vitals,
  };
}
