import type { Kept } from './session.js';

const longestPause = 60_000;
// A longer wait overflows, and rings at once.
const longestWait = 2 ** 31 - 1;
// By the clock on the wall a timer may ring a little early. Before the time that the server named it would ring in vain.
const early = 100;

/** Rings when the session is to be refreshed: at its moment, or some time after a try that failed. */
export type Alarm = {
  follow(kept: Kept | null): void;
  /** @param wait how long at least, in milliseconds: the server's own word */
  failed(wait: number): void;
  /** Rings now where a try has failed, since there may be a network again. */
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
    // In Node, a session is no reason to stay.
    (timer as { unref?(): void }).unref?.();
  }

  return {
    follow(kept) {
      followed = kept;
      failures = 0;
      set((kept?.refreshAt ?? 0) - Date.now());
    },
    failed(wait) {
      // Half of it by chance: whoever lost the same server comes back one by one.
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
