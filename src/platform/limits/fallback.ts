import type { Count, Counter } from './counters.js';

export type OutageLog = Record<'info' | 'warn', (details: object, message: string) => void>;

export type Outage = {
  /** Whether to skip the store for now; once a second one call tries it again. */
  isOn(): boolean;
  began(error: unknown): void;
  over(): void;
};

const askAgainMs = 1_000;

export function createOutage(log: OutageLog): Outage {
  let askAgainAt: number | undefined;
  return {
    isOn() {
      if (askAgainAt === undefined) return false;
      if (performance.now() < askAgainAt) return true;
      askAgainAt = performance.now() + askAgainMs;
      return false;
    },
    began(error) {
      if (askAgainAt === undefined)
        log.warn({ err: error }, 'the store of the rate limits is down: each instance counts for itself');
      askAgainAt = performance.now() + askAgainMs;
    },
    over() {
      if (askAgainAt !== undefined) log.info({}, 'the store of the rate limits is back');
      askAgainAt = undefined;
    },
  };
}

/** Counts in the store, or in memory while it is down: then each instance allows the limit, but never more. */
export function withoutFail(store: Counter, memory: Counter, outage: Outage): Counter {
  return {
    async add(key): Promise<Count> {
      if (outage.isOn()) return memory.add(key);
      try {
        const count = await store.add(key);
        outage.over();
        return count;
      } catch (error) {
        outage.began(error);
        return memory.add(key);
      }
    },
  };
}
