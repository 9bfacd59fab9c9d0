import type { Kept } from './session.js';

const longestPause = 60_000;
// A longer wait overflows and fires at once.
const longestWait = 2 ** 31 - 1;
// A timer may fire a little early by the wall clock. Before the time that the server named it would be useless.
const early = 100;

/** Fires when the session needs a refresh: at its time, or some time after a failed attempt. */
export type Alarm = {
  follow(kept: Kept | null): void;
  /** @param wait the shortest wait in milliseconds, as the server asked */
  failed(wait: number): void;
  /** Fires now if an attempt has failed, because the network may be back. */
  retry(): void;
  stop(): void;
};

/** @param ring gets the session as it was when the alarm was set */
export function createAlarm(ring: (due: Kept) => void): Alarm {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let followed: Kept | null = null;
  let failures = 0;
  let stopped = false;

  function set(wait: number): void {
    clearTimeout(timer);
    if (stopped || !followed) return;
    timer = setTimeout(ring, Math.min(Math.max(wait, 0), longestWait), followed);
    // In Node, the timer must not keep the process alive.
    (timer as { unref?(): void }).unref?.();
  }

  return {
    follow(kept) {
      followed = kept;
      failures = 0;
      set((kept?.refreshAt ?? 0) - Date.now());
    },
    failed(wait) {
      // Half of it random, so that clients of one failed server come back one by one.
      const pause = Math.min(longestPause, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);
      failures += 1;
      set(Math.max(wait + early, pause));
    },
    retry() {
      if (failures > 0) set(0);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
