import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import type { RunSql } from '../db/driver.js';
import type { RedisConnection } from '../db/redis.js';
import { createWindowCounter } from './window-counter.js';

export type Policy = { name: string; points: number; seconds: number };

/** How many points a key has, including the new one, and when its window ends. */
export type Count = {
  points: number;
  msLeft: number;
  /** Takes the new point back, unless its window is over; never fails. */
  undo(): Promise<void>;
};

export type Counter = {
  /** Adds a point; calls at the same time get different numbers. */
  add(key: string): Promise<Count>;
};

/** Counts points of all instances together. */
export type Store = (policy: Policy) => Counter;

// About 10 MB for each limit at most.
const maxKeys = 50_000;

export function memoryCounter({ seconds }: Policy, most = maxKeys): Counter {
  const counter = createWindowCounter(seconds * 1000, most);
  return {
    async add(key) {
      const entry = counter.add(key);
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

export function postgresStore(runSql: RunSql): Store {
  // Without the library's statement names: some poolers do not support prepared statements.
  const storeClient = { query: ({ text, values }: { text: string; values: unknown[] }) => runSql(text, values) };
  return storeOf(
    (options) =>
      new RateLimiterPostgres({
        ...options,
        storeClient,
        storeType: 'client',
        tableName: 'rate_limit',
        tableCreated: true,
        // One purge instead of a timer in each instance: see purge.ts.
        clearExpiredByTimeout: false,
      }),
  );
}

export function redisStore({ client, trouble }: RedisConnection): Store {
  const store = storeOf(
    (options) =>
      new RateLimiterRedis({
        ...options,
        keyPrefix: `gatelatch:${options.keyPrefix}`,
        storeClient: client,
        rejectIfRedisNotReady: true,
      }),
  );
  return (policy) => {
    const counter = store(policy);
    return {
      add: (key) =>
        counter.add(key).catch((error) => {
          throw trouble() ?? error;
        }),
    };
  };
}

type Limiter = {
  penalty(key: string): Promise<RateLimiterRes>;
  reward(key: string): Promise<RateLimiterRes>;
};

// Only the library's plus one and minus one; `limit.ts` decides what is too many. The library's own block ignores
// returned points: it would lock a user out after successful logins.
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

// How long a statement may be on its way: a point returned after its window would be a free one in the next.
const marginMs = 250;

async function takeBack(limiter: Limiter, key: string, endsAt: number): Promise<void> {
  if (performance.now() > endsAt - marginMs) return;
  // The store failed meanwhile: the point stays counted, which is the safe side.
  await limiter.reward(key).catch(() => undefined);
}

/** A typed name may be a password, and addresses are personal: the store gets hashes only, which are also short. */
function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
