export type Readiness = {
  /** `ready`, or why not. Asks the database at most once per 500 ms. */
  check(): Promise<'ready' | 'shutting_down' | 'database_unavailable'>;
  drain(): void;
};

const answerKeptMs = 500;

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
