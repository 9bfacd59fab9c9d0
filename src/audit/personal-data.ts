import { z } from 'zod';
import { maxExported, personalData } from '../platform/personal-data.js';
import { auditEventJson, auditEventSchema } from './json.js';

/** What was recorded about a user, and what they did. */
export const auditData = personalData({
  table: 'audit_event',
  // Actions of an older release are exported under their old names.
  schema: auditEventSchema
    .extend({ action: z.string(), detail: z.unknown() })
    .meta({ id: undefined, example: undefined }),
  async read(db, { id }) {
    const events = await db.auditEvent.findMany({
      where: { OR: [{ userId: id }, { actorId: id }] },
      orderBy: { id: 'asc' },
      take: maxExported,
    });
    return events.map(auditEventJson);
  },
});
