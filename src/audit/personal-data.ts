import { z } from 'zod';
import { maxExported, personalData } from '../platform/personal-data.js';
import { auditEventJson, auditEventSchema } from './json.js';

export const auditData = personalData({
  table: 'audit_event',
  // An action of an older release keeps its old name.
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
