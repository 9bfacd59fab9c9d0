import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { disabling } from './change.js';

/**
 * Disables a webhook that is gone or fails, and mails its maker; of several attempts at once one does it.
 * @param url that failed: a new one has failed nothing
 * @returns false if it was done before
 */
export async function disableFailing(
  { db, outboxWake }: { db: Db; outboxWake: Wake },
  id: string,
  url: string,
  reason: 'gone' | 'failing',
): Promise<boolean> {
  const disabled = await db.$transaction(async (tx) => {
    const [webhook] = await tx.$queryRaw<{ url: string; createdBy: string | null }[]>`
      SELECT url, created_by AS "createdBy" FROM webhook WHERE id = ${id}::uuid FOR UPDATE`;
    if (webhook?.url !== url) return false;
    if ((await tx.$executeRaw(disabling(id, reason, {}))) === 0) return false;
    const maker = Prisma.sql`FROM (
      SELECT * FROM "user" WHERE id = ${webhook.createdBy}::uuid AND disabled_at IS NULL) u`;
    await tx.$executeRaw(enqueueNotice('webhook_disabled', maker, undefined));
    return true;
  });
  if (disabled) outboxWake.wake();
  return disabled;
}
