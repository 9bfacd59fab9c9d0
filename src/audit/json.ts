import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { auditActions } from './events.js';
import type { RecordedEvent } from './list.js';

const userId = '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31';

export const auditEventSchema = z
  .object({
    id: z.uuid(),
    at: time,
    action: z.enum(auditActions),
    user_id: z.uuid().nullable().meta({ description: 'The user it is about.' }),
    actor_id: z.uuid().nullable().meta({ description: 'Who did it; null for the command line and the server itself.' }),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    detail: z.looseObject({}),
  })
  .meta({
    id: 'AuditEvent',
    example: {
      id: '01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83',
      at: '2026-11-22T14:40:11.020Z',
      action: 'login.succeeded',
      user_id: userId,
      actor_id: userId,
      ip: '192.0.2.7',
      user_agent: 'Mozilla/5.0',
      detail: {},
    },
  });

export function auditEventJson(event: RecordedEvent): z.infer<typeof auditEventSchema> {
  return {
    id: event.id,
    at: event.at.toISOString(),
    action: event.action as z.infer<typeof auditEventSchema>['action'],
    user_id: event.userId,
    actor_id: event.actorId,
    ip: event.ip,
    user_agent: event.userAgent,
    detail: event.detail as Record<string, unknown>,
  };
}
