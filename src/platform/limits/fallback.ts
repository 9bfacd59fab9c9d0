import type { Count, Counter } from './counters.js';

/** A logger's two words that are needed here. */
export type OutageLog = Record<'info' | 'warn', (details: object, message: string) => void>;

/** Whether the store is away: known to all limits that share it. */
export type Outage = {
  /** Whether to do without the store for now; once a second one asker is sent to look whether it is back. */
  isOn(): boolean;
  /** The store failed. Logs where it did not before. */
  began(error: unknown): void;
  /** The store answered. Logs where it did not before. */
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
        log.warn({ err: error }, 'the store of the rate limits is away: each instance counts for itself meanwhile');
      askAgainAt = performance.now() + askAgainMs;
    },
    over() {
      if (askAgainAt !== undefined) log.info({}, 'the store of the rate limits is back');
      askAgainAt = undefined;
    },
  };
}

/** Counts in the store, and in memory while that is away: laxer by the number of instances, never an open door. */
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
