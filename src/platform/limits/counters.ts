import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import type { RunSql } from '../db/driver.js';
import type { Redis } from '../db/redis.js';
import { createTally } from './window-counter.js';

/** A limit as it is set, with the name that clients read. */
export type Policy = { name: string; points: number; seconds: number };

/** How many points a key has, the new one among them, and when its window ends and they are forgotten. */
export type Count = {
  points: number;
  msLeft: number;
  /** Takes the new point back, unless its window is over; never fails. */
  undo(): Promise<void>;
};

/** Counts a policy's points, each by its key. */
export type Counter = {
  /** Adds a point; however many are added at once, each is told another number. */
  add(key: string): Promise<Count>;
};

/** Where the points of all instances lie together. */
export type Store = (policy: Policy) => Counter;

// About 10 MB for each limit, at the worst.
const maxKeys = 50_000;

/** Counts in this process alone. */
export function memoryCounter({ seconds }: Policy): Counter {
  const tally = createTally(seconds * 1000, maxKeys);
  return {
    async add(key) {
      const entry = tally.add(key);
      return {
        points: entry.points,
        msLeft: entry.endsAt - Date.now(),
        async undo() {
          entry.points -= 1;
        },
      };
    },
  };
}

/** Counts in our table `rate_limit`. */
export function postgresStore(runSql: RunSql): Store {
  // Without the library's names for its statements: prepared ones don't survive every pooler.
  const storeClient = { query: ({ text, values }: { text: string; values: unknown[] }) => runSql(text, values) };
  return storeOf(
    (options) =>
      new RateLimiterPostgres({
        ...options,
        storeClient,
        storeType: 'client',
        tableName: 'rate_limit',
        tableCreated: true,
        // Not by a timer in each instance: see limit-purge.ts.
        clearExpiredByTimeout: false,
      }),
  );
}

/** Counts in Redis, under keys that begin with `gatelatch:`. */
export function redisStore(storeClient: Redis): Store {
  return storeOf(
    (options) =>
      new RateLimiterRedis({
        ...options,
        keyPrefix: `gatelatch:${options.keyPrefix}`,
        storeClient,
        rejectIfRedisNotReady: true,
      }),
  );
}

type Limiter = {
  penalty(key: string): Promise<RateLimiterRes>;
  reward(key: string): Promise<RateLimiterRes>;
};

/**
 * The library's two plain steps, one more and one less: whether that is too many is decided by `limit.ts`. Its own
 * block in memory knows no giving back; it would keep an owner out for the rest of a window after logins that were right.
 */
function storeOf(open: (options: { keyPrefix: string; points: number; duration: number }) => Limiter): Store {
  return ({ name, points, seconds }) => {
    const limiter = open({ keyPrefix: name, points, duration: seconds });
    return {
      async add(text) {
        const key = keyOf(text);
        const count = await limiter.penalty(key);
        const endsAt = performance.now() + count.msBeforeNext;
        const undo = () => takeBack(limiter, key, endsAt);
        return { points: count.consumedPoints, msLeft: count.msBeforeNext, undo };
      },
    };
  };
}

// As long as a statement may be on its way: a point taken back after its window would be a free one in the next.
const marginMs = 250;

async function takeBack(limiter: Limiter, key: string, endsAt: number): Promise<void> {
  if (performance.now() > endsAt - marginMs) return;
  // The store went away in between: the point stays, which is the safe side.
  await limiter.reward(key).catch(() => undefined);
}

/** What is typed as a name may be a password, and addresses are personal: a store holds neither, and keys are short. */
function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
