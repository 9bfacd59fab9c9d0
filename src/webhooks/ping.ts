import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { findWebhook } from './webhooks.js';

/**
 * Records a `webhook.ping`, which goes the way of every event to this one webhook.
 * @returns the event's id
 * @throws AppError not_found, webhook_disabled, webhook_fixed for the handlers in code, which take none
 */
export async function pingWebhook({ db }: { db: Db }, id: string, actor: Actor): Promise<string> {
  const from = Prisma.sql`FROM webhook WHERE id = ${id}::uuid AND disabled_at IS NULL AND url IS NOT NULL`;
  const [recorded] = await db.direct<{ id: string }>(Prisma.sql`
    ${auditEvent('webhook.ping', null, actor, { webhook_id: id }, from)} RETURNING id`);
  if (recorded) return recorded.id;
  const found = await findWebhook(db, id);
  if (!found) throw new AppError('not_found');
  throw new AppError(found.url === null ? 'webhook_fixed' : 'webhook_disabled');
}
