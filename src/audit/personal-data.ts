import { z } from 'zod';
import { personalData } from '../platform/personal-data.js';
import type { AuditAction } from './events.js';
import { auditEventJson, auditEventSchema } from './json.js';
import { eventsWith, type RecordedEvent } from './list.js';

export const auditData = personalData({
  table: 'audit_event',
  // An action of an older release keeps its old name.
  schema: auditEventSchema
    .extend({
      action: z.string(),
      user_id: z.uuid().nullable().meta({ description: 'You; null if you did it to somebody else.' }),
      actor_id: z.uuid().nullable().meta({ description: 'You; null if it was somebody else, or may have been.' }),
      detail: z.unknown(),
    })
    .meta({ id: undefined, example: undefined }),
  async *read(db, { id }) {
    for await (const events of eventsWith(db, id)) yield events.map((event) => auditEventJson(asSeenBy(id, event)));
  },
});

/** Whoever opens a link at an address that was typed may be a stranger. */
const byLink: string[] = ['email.verified', 'email.changed'] satisfies AuditAction[];

/** Without what belongs to others: the origin of their acts, and the other users of the user's own acts. */
function asSeenBy(id: string, event: RecordedEvent): RecordedEvent {
  const isActor = event.actorId === id && !byLink.includes(event.action);
  return {
    ...event,
    ...(isActor ? {} : { actorId: null, ip: null, userAgent: null }),
    ...(event.userId === id ? {} : { userId: null, detail: {} }),
  };
}
