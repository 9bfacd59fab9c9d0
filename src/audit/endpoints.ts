import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { pageQuerySchema } from '../platform/http/fields.js';
import { auditEventOnTheWire } from '../sessions/json.js';
import { auditActions } from './events.js';
import { listEvents } from './list.js';

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
