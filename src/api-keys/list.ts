import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { type ShownKey, shownColumns } from './json.js';

/** The user's keys that have not ended, the oldest first. */
export async function listLiveKeys({ db }: { db: Db }, userId: string): Promise<ShownKey[]> {
  return db.direct<ShownKey>(Prisma.sql`
    SELECT ${shownColumns} FROM api_key k WHERE k.user_id = ${userId}::uuid AND ${isLiveKey} ORDER BY k.id`);
}
