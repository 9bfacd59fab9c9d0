import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';

/** When keys were last used: noted in memory, and written outside of requests. */
export type LastUses = {
  note(id: string): void;
  /** Writes what was noted since the last time. A job does so once a minute. */
  write(): Promise<void>;
};

export function createLastUses({ db }: { db: Db }): LastUses {
  /** Seconds since 1970. */
  let noted = new Map<string, number>();
  return {
    note: (id) => void noted.set(id, Date.now() / 1000),
    async write() {
      if (noted.size === 0) return;
      const written = noted;
      noted = new Map();
      const [ids, times] = [[...written.keys()], [...written.values()]];
      await db.direct(Prisma.sql`
        UPDATE api_key k SET last_used_at = greatest(k.last_used_at, to_timestamp(n.used_at))
        FROM unnest(${ids}::uuid[], ${times}::float8[]) n (id, used_at) WHERE k.id = n.id`);
    },
  };
}
