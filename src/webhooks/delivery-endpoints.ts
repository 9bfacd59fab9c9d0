import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { time } from '../platform/http/fields.js';
import { pageJson, pageQuerySchema, pageSchema } from '../platform/http/paging.js';
import { actorOf } from '../sessions/actor.js';
import { type Delivery, deliveryStates, listDeliveries, retryDelivery, stateOf } from './deliveries.js';
import { eventsSchema, replayTime } from './fields.js';
import { replayEvents } from './replay.js';
import { findWebhook } from './webhooks.js';

const deliverySchema = z
  .object({
    event_id: z.uuid(),
    type: z.string().nullable().meta({ description: 'The event; null once the audit has purged it.' }),
    state: z.enum(deliveryStates),
    attempts: z.int(),
    created_at: time.meta({ description: 'When it was queued, or queued again.' }),
    next_attempt_at: time.nullable(),
    last_attempt_at: time.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
    duration_ms: z.int().nullable().meta({ description: 'How long the last attempt took.' }),
  })
  .meta({
    id: 'WebhookDelivery',
    example: {
      event_id: '01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83',
      type: 'user.created',
      state: 'waiting',
      attempts: 1,
      created_at: '2026-11-22T14:40:11.020Z',
      next_attempt_at: '2026-11-22T14:40:16.020Z',
      last_attempt_at: '2026-11-22T14:40:11.120Z',
      last_status: 503,
      last_error: 'status 503',
      duration_ms: 87,
    },
  });

export const list = endpoint({
  name: 'listWebhookDeliveries',
  summary: 'List the deliveries to a webhook',
  statements: 2,
  query: pageQuerySchema.extend({ state: z.enum(deliveryStates).optional() }),
  reply: [200, pageSchema(deliverySchema)],
  returns: 'A page of deliveries, that of the newest event first, and where the next one begins.',
  errors: ['not_found'],
  async handler({ deps, id, query }) {
    if (!(await findWebhook(deps.db, id))) throw new AppError('not_found');
    return { body: pageJson(await listDeliveries(deps.db, id, query), deliveryJson) };
  },
});

function deliveryJson(delivery: Delivery): z.infer<typeof deliverySchema> {
  const state = stateOf(delivery);
  return {
    event_id: delivery.id,
    type: delivery.type,
    state,
    attempts: delivery.attempts,
    created_at: delivery.createdAt.toISOString(),
    next_attempt_at: state === 'waiting' ? delivery.dueAt.toISOString() : null,
    last_attempt_at: delivery.lastAttemptAt?.toISOString() ?? null,
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    duration_ms: delivery.durationMs,
  };
}

export const retry = endpoint({
  name: 'retryWebhookDelivery',
  summary: 'Send an event again',
  statements: 1,
  reply: [202],
  returns: 'It is sent again, whatever became of it before, with as many attempts as a new one.',
  errors: ['not_found'],
  async handler(context) {
    const { deps, id, innerId } = context;
    if (!(await retryDelivery(deps.db, id, innerId, actorOf(context)))) throw new AppError('not_found');
    deps.webhookWake.wake();
    return {};
  },
});

const replaySchema = z
  .strictObject({
    since: replayTime(),
    until: replayTime()
      .optional()
      .meta({ description: 'Until now, if it is left out.', example: '2026-11-23T00:00:00Z' }),
    events: eventsSchema.optional().meta({ description: 'Only these, of those that it wants.' }),
  })
  .meta({ id: 'ReplayBody', example: { since: '2026-11-22T00:00:00Z' } });

export const replay = endpoint({
  name: 'replayWebhookEvents',
  summary: 'Send the events of a time again',
  body: replaySchema,
  reply: [202, z.object({ count: z.int() })],
  returns: 'So many events are sent again, out of the audit.',
  errors: ['not_found'],
  async handler(context) {
    const { deps, id } = context;
    const { since, until, events } = context.body;
    const time = { since: new Date(since), until: until === undefined ? undefined : new Date(until) };
    const count = await replayEvents(deps.db, id, { ...time, events }, actorOf(context));
    deps.webhookWake.wake();
    return { body: { count } };
  },
});
