import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../platform/db/database.js';

/**
 * Heartbeats that travel as every ending does: sent over the connections of all statements, heard by LISTEN. None is
 * heard if those lead to different servers, or to a standby, or if a pooler swallows messages.
 */
type Beats = {
  /** This instance's own: others need not hear them. */
  channel: string;
  onMessage(beat: string): void;
  /**
   * Sends one. @returns a wait until it is heard, and with it all that was committed before: half a second at most
   */
  send(): Promise<() => Promise<void>>;
  /** @throws if the last ones were not heard and it is too early to begin again, which loads everything */
  refuseWhileResting(): void;
};

const unheardIsDown = 500;

// A way that leads elsewhere does so for long. The first time it is tried again at once: connections do get cut.
const longestRest = 5_000;
const restAfter = (unheard: number) => (unheard === 1 ? 0 : Math.min(longestRest, 100 * 2 ** unheard));

export function createBeats({ notify }: Pick<Database, 'notify'>): Beats {
  const channel = `gatelatch_beat_${randomUUID().replaceAll('-', '')}`;
  let expected = '';
  let report: () => void = () => undefined;
  let unheard = 0;
  let restUntil = Number.NEGATIVE_INFINITY;

  async function inTime(heard: Promise<void>): Promise<void> {
    const giveUp = new AbortController();
    const late = sleep(unheardIsDown, 'late', { ref: false, signal: giveUp.signal }).catch(() => 'aborted');
    const isLate = (await Promise.race([heard, late])) === 'late';
    giveUp.abort();
    unheard = isLate ? unheard + 1 : 0;
    if (!isLate) return;
    restUntil = performance.now() + restAfter(unheard);
    throw notHeard();
  }

  return {
    channel,
    onMessage: (beat) => beat === expected && report(),
    async send() {
      expected = randomUUID();
      const heard = new Promise<void>((resolve) => (report = resolve));
      await notify(channel, expected);
      return () => inTime(heard);
    },
    refuseWhileResting() {
      if (performance.now() < restUntil) throw notHeard();
    },
  };
}

function notHeard(): Error {
  return new Error('A heartbeat was not heard: LISTEN does not hear what the pool of connections sends.');
}
