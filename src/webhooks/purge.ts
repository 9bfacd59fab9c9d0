import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

const keptDays = 30;

/** Removes deliveries that were done or given up a while ago, and those to webhooks that were deleted. */
export async function purgeDeliveries({ db }: { db: Db }): Promise<void> {
  const longAgo = Prisma.sql`clock_timestamp() - make_interval(days => ${keptDays}::int)`;
  // Both by the index that begins with them.
  const isOver = Prisma.sql`delivered_at < ${longAgo} OR (delivered_at IS NULL AND failed_at < ${longAgo})`;
  await deleteInBatches(db, 'webhook_delivery', isOver);
  const isLost = Prisma.sql`NOT EXISTS (SELECT FROM webhook w WHERE w.id = webhook_id)`;
  await deleteInBatches(db, 'webhook_delivery', isLost);
}
