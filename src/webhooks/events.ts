import { z } from 'zod';
import type { AuditAction } from '../audit/events.js';
import { time } from '../platform/http/fields.js';
import { adminUserSchema } from '../users/json.js';

/** The audit events that are sent: the list of the SQL function `webhook_sends`, which a new one needs in a migration. */
export const webhookEvents = [
  'user.created',
  'user.deleted',
  'user.disabled',
  'user.enabled',
  'username.changed',
  'email.changed',
  'email.verified',
  'roles.changed',
  'password.changed',
  'password.reset',
  'login.succeeded',
  'session.ended',
  'refresh.reused',
  'api_key.created',
  'api_key.revoked',
  'invitation.created',
  'invitation.accepted',
  'webhook.ping',
] as const satisfies AuditAction[];

export type WebhookEvent = (typeof webhookEvents)[number];

/** What any event may have. */
const byKey = { api_key_id: z.uuid().optional().meta({ description: 'The API key by which the actor did it.' }) };
const ofSession = { session_id: z.uuid(), ...byKey };
const ofInvitation = { invitation_id: z.uuid(), ...byKey };
const ofKey = {
  api_key_id: z.uuid(),
  name: z.string().nullable().meta({ description: 'Null once the key is gone.' }),
  by_api_key_id: z.uuid().optional().meta({ description: 'The API key by which the actor did it.' }),
};

/** What of an event's `detail` is sent; for most of them nothing but the key. */
const details = {
  'roles.changed': { roles: z.array(z.string()).meta({ description: 'The new ones.' }), ...byKey },
  'login.succeeded': ofSession,
  'session.ended': {
    reason: z.string(),
    sessions: z.union([z.array(z.uuid()), z.int()]).meta({ description: 'Their ids, or their number above 100.' }),
    ...byKey,
  },
  'refresh.reused': ofSession,
  'api_key.created': ofKey,
  'api_key.revoked': ofKey,
  'invitation.created': ofInvitation,
  'invitation.accepted': ofInvitation,
  'webhook.ping': {},
} satisfies Partial<Record<WebhookEvent, z.ZodRawShape>>;

type Detailed = typeof details;
type DetailOf<Event> = Event extends keyof Detailed ? z.output<z.ZodObject<Detailed[Event]>> : { api_key_id?: string };

/** The body of a delivery, by its event. */
export type EventPayload<Event extends WebhookEvent = WebhookEvent> = Event extends WebhookEvent
  ? {
      type: Event;
      timestamp: string;
      data: {
        id: string;
        user_id: string | null;
        actor_id: string | null;
        detail: DetailOf<Event>;
        user: z.output<typeof adminUserSchema> | null;
      };
    }
  : never;

export function isWebhookEvent(action: string): action is WebhookEvent {
  return webhookEvents.some((event) => event === action);
}

function detailOf(event: WebhookEvent): z.ZodRawShape {
  return event in details ? details[event as keyof Detailed] : byKey;
}

/** The members of `detail` that are sent with this event, as far as they are there. */
export function sentDetail(event: WebhookEvent, detail: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(detailOf(event)).flatMap((key) => (key in detail ? [[key, detail[key]]] : [])));
}

/** The body of a delivery. */
export function payloadSchema(event: WebhookEvent) {
  return z.strictObject({
    type: z.literal(event),
    timestamp: time.meta({ description: 'When it happened.' }),
    data: z.strictObject({
      id: z.uuid().meta({ description: 'The id of the event, also in the audit.' }),
      user_id: z.uuid().nullable().meta({ description: 'The user it is about.' }),
      actor_id: z.uuid().nullable().meta({ description: 'Who did it; null for the operator and the server itself.' }),
      detail: z.strictObject(detailOf(event)),
      user: adminUserSchema.nullable().meta({
        description: 'The user as it is when the event is sent; null once it is gone. Go by its `updated_at`.',
      }),
    }),
  });
}
