import { z } from 'zod';
import { auditActions } from '../domain/audit.js';
import { listEvents, type RecordedEvent } from '../domain/audit-list.js';
import type { Context, Reply } from '../route.js';
import { pageQuerySchema } from '../wire.js';

export const querySchema = pageQuerySchema.extend({
  user_id: z.uuid().optional(),
  action: z.enum(auditActions).optional(),
});

export const eventSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime(),
  action: z.enum(auditActions),
  user_id: z.uuid().nullable(),
  actor_id: z.uuid().nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  detail: z.looseObject({}),
});

/** What happened, the newest first. */
export async function list({
  deps,
  query,
}: Context<'access-token', undefined, z.output<typeof querySchema>>): Promise<Reply> {
  const filter = { userId: query.user_id, action: query.action };
  const { items, nextCursor } = await listEvents(deps.db, filter, query.limit, query.cursor);
  return { status: 200, body: { data: items.map(onTheWire), next_cursor: nextCursor } };
}

function onTheWire(event: RecordedEvent) {
  return {
    id: event.id,
    at: event.at.toISOString(),
    action: event.action,
    user_id: event.userId,
    actor_id: event.actorId,
    ip: event.ip,
    user_agent: event.userAgent,
    detail: event.detail,
  };
}
