import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { pageJson, pageQuerySchema, pageSchema } from '../platform/http/paging.js';
import { auditActions } from './events.js';
import { auditEventJson, auditEventSchema } from './json.js';
import { listEvents } from './list.js';

export const list = endpoint({
  name: 'listAuditEvents',
  summary: 'List audit events',
  statements: 1,
  query: pageQuerySchema.extend({ user_id: z.uuid().optional(), action: z.enum(auditActions).optional() }),
  reply: [200, pageSchema(auditEventSchema)],
  returns: 'A page of events, newest first, and where the next one begins.',
  async handler({ deps, query }) {
    const filter = { userId: query.user_id, action: query.action };
    return { body: pageJson(await listEvents(deps.db, filter, query.limit, query.cursor), auditEventJson) };
  },
});
