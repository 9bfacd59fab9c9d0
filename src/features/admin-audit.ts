import { z } from 'zod';
import { auditActions } from '../domain/audit.js';
import { listEvents } from '../domain/audit-list.js';
import { pageQuerySchema } from '../fields.js';
import type { Context, Reply } from '../route.js';
import { auditEventOnTheWire } from '../wire.js';

export const querySchema = pageQuerySchema.extend({
  user_id: z.uuid().optional(),
  action: z.enum(auditActions).optional(),
});

/** What happened, the newest first. */
export async function list({
  deps,
  query,
}: Context<'access-token', undefined, z.output<typeof querySchema>>): Promise<Reply> {
  const filter = { userId: query.user_id, action: query.action };
  const { items, nextCursor } = await listEvents(deps.db, filter, query.limit, query.cursor);
  return { status: 200, body: { data: items.map(auditEventOnTheWire), next_cursor: nextCursor } };
}
