/** Whether this instance should be sent requests. */
export type Readiness = {
  /** `ready`, or why not. Asks the database at most every 500 ms, however often it is called. */
  check(): Promise<'ready' | 'shutting_down' | 'database_unavailable'>;
  /** From now on it is not ready: it is about to stop. */
  drain(): void;
};

const answerKeptMs = 500;

/** @param ping resolves where the database answers, rejects within its time limits where not */
export function createReadiness(ping: () => Promise<void>): Readiness {
  let draining = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return {
    async check() {
      if (draining) return 'shutting_down';
      if (performance.now() - askedAt >= answerKeptMs) {
        askedAt = performance.now();
        answer = ping().then(
          () => true,
          () => false,
        );
      }
      return (await answer) ? 'ready' : 'database_unavailable';
    },
    drain() {
      draining = true;
    },
  };
}
