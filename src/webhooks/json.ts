import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { countedUpTo, type DisabledReason, disabledReasons, type ShownWebhook } from './webhooks.js';

const webhookExample = {
  id: '01a203a4-1c5e-7d20-8b6f-3e9a4c7d5f18',
  url: 'https://shop.example.com/hooks/gatelatch',
  events: ['user.created', 'user.deleted'],
  description: 'The shop',
  enabled: true,
  disabled_reason: null,
  created_by: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
  created_at: '2026-11-22T14:18:48.360Z',
  updated_at: '2026-11-22T14:18:48.360Z',
  last_attempt_at: '2026-11-22T14:40:11.020Z',
  last_status: 204,
  waiting: 0,
  failed: 0,
};

export const webhookSchema = z
  .object({
    id: z.uuid(),
    url: z.string().nullable().meta({ description: 'Null for the handlers of `src/own/events.ts`.' }),
    events: z.array(z.string()).meta({ description: 'What it gets; `*` is every event.' }),
    description: z.string(),
    enabled: z.boolean().meta({ description: 'While it is not, nothing new is queued and nothing is sent.' }),
    disabled_reason: z.enum(disabledReasons).nullable().meta({
      description: '`manual`; `gone`: it answered 410; `failing`: five days of nothing but failures.',
    }),
    created_by: z.uuid().nullable().meta({ description: 'Null for the command line and the server itself.' }),
    created_at: time,
    updated_at: time,
    last_attempt_at: time.nullable(),
    last_status: z.int().nullable().meta({ description: 'Null also if there was no answer.' }),
    waiting: z.int().meta({ description: `Deliveries that wait, counted up to ${countedUpTo}.` }),
    failed: z.int().meta({ description: `Deliveries that were given up, counted up to ${countedUpTo}.` }),
  })
  .meta({ id: 'Webhook', example: webhookExample });

const secret = z.string().meta({ description: 'What signs the deliveries. Shown this once.' });
const secretExample = `whsec_${'x'.repeat(43)}=`;

export const madeWebhookSchema = webhookSchema
  .extend({ secret })
  .meta({ id: 'MadeWebhook', example: { ...webhookExample, secret: secretExample } });

export const rotatedSecretSchema = z
  .object({ secret, previous_until: time.meta({ description: 'Until then, the secret before signs along.' }) })
  .meta({ id: 'RotatedSecret', example: { secret: secretExample, previous_until: '2026-11-23T14:18:48.360Z' } });

export function webhookJson(webhook: ShownWebhook): z.infer<typeof webhookSchema> {
  return {
    id: webhook.id,
    url: webhook.url,
    events: webhook.events,
    description: webhook.description,
    enabled: webhook.disabledAt === null,
    disabled_reason: webhook.disabledReason as DisabledReason | null,
    created_by: webhook.createdBy,
    created_at: webhook.createdAt.toISOString(),
    updated_at: webhook.updatedAt.toISOString(),
    last_attempt_at: webhook.lastAttemptAt?.toISOString() ?? null,
    last_status: webhook.lastStatus,
    waiting: webhook.waiting,
    failed: webhook.failed,
  };
}
