import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { pageJson, pageQuerySchema, pageSchema } from '../platform/http/paging.js';
import { actorOf } from '../sessions/actor.js';
import { requireFreshSignIn } from '../sessions/step-up.js';
import { changeWebhook, deleteWebhook } from './change.js';
import { createWebhook } from './create.js';
import { webhookFields } from './fields.js';
import { madeWebhookSchema, rotatedSecretSchema, webhookJson, webhookSchema } from './json.js';
import { pingWebhook } from './ping.js';
import { rotateSecret } from './rotate-secret.js';
import { findWebhook, listWebhooks } from './webhooks.js';

const { url, events, description } = webhookFields;

const createSchema = z.strictObject({ url, events, description: description.default('') }).meta({
  id: 'CreateWebhookBody',
  example: { url: 'https://shop.example.com/hooks/gatelatch', events: ['user.created', 'user.deleted'] },
});

export const create = endpoint({
  name: 'createWebhook',
  summary: 'Make a webhook',
  statements: 4,
  body: createSchema,
  reply: [201, madeWebhookSchema],
  returns: 'The webhook. Its secret is shown this once.',
  errors: ['insufficient_user_authentication', 'too_many_webhooks'],
  async handler(context) {
    const { deps, principal, body } = context;
    requireFreshSignIn(principal, deps.config.freshAuthMaxAge);
    const { secret, ...made } = await createWebhook(deps, body, actorOf(context));
    deps.webhookWake.wake();
    return { body: { ...webhookJson(made), secret } };
  },
});

export const list = endpoint({
  name: 'listWebhooks',
  summary: 'List the webhooks',
  statements: 1,
  query: pageQuerySchema,
  reply: [200, pageSchema(webhookSchema)],
  returns: 'A page of webhooks, oldest first, and where the next one begins. The handlers in code come first.',
  handler: async ({ deps, query }) => ({
    body: pageJson(await listWebhooks(deps.db, query.limit, query.cursor), webhookJson),
  }),
});

export const read = endpoint({
  name: 'getWebhook',
  summary: 'Get a webhook',
  statements: 1,
  reply: [200, webhookSchema],
  returns: 'The webhook.',
  errors: ['not_found'],
  async handler({ deps, id }) {
    const found = await findWebhook(deps.db, id);
    if (!found) throw new AppError('not_found');
    return { body: webhookJson(found) };
  },
});

const changeSchema = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    description: description.optional(),
    enabled: z.boolean().optional(),
  })
  .meta({ id: 'ChangeWebhookBody', example: { enabled: true } });

export const change = endpoint({
  name: 'changeWebhook',
  summary: 'Change a webhook, disable or enable it',
  statements: 6,
  body: changeSchema,
  reply: [200, webhookSchema],
  returns: 'The webhook as it is now. One that was enabled goes on with what waited.',
  errors: ['insufficient_user_authentication', 'not_found', 'webhook_fixed'],
  async handler(context) {
    const { deps, principal, id, body } = context;
    if (sendsMore(body)) requireFreshSignIn(principal, deps.config.freshAuthMaxAge);
    const changed = await changeWebhook(deps, id, body, actorOf(context));
    deps.webhookWake.wake();
    return { body: webhookJson(changed) };
  },
});

/** To stop one in a hurry takes no new sign-in. */
function sendsMore({ url, events, enabled }: z.infer<typeof changeSchema>): boolean {
  return url !== undefined || events !== undefined || enabled === true;
}

export const remove = endpoint({
  name: 'deleteWebhook',
  summary: 'Delete a webhook',
  statements: 4,
  reply: [204],
  returns: 'Nothing is sent to it any more, nor what waited.',
  errors: ['not_found', 'webhook_fixed'],
  async handler(context) {
    await deleteWebhook(context.deps, context.id, actorOf(context));
    return {};
  },
});

export const rotate = endpoint({
  name: 'rotateWebhookSecret',
  summary: 'Give a webhook another secret',
  statements: 4,
  reply: [200, rotatedSecretSchema],
  returns: 'The new secret, shown this once. The one before signs along for a day.',
  errors: ['insufficient_user_authentication', 'not_found', 'webhook_fixed'],
  async handler(context) {
    const { deps, principal, id } = context;
    requireFreshSignIn(principal, deps.config.freshAuthMaxAge);
    const { secret, previousUntil } = await rotateSecret(deps, id, actorOf(context));
    return { body: { secret, previous_until: previousUntil.toISOString() } };
  },
});

export const ping = endpoint({
  name: 'pingWebhook',
  summary: 'Send a test event to a webhook',
  statements: 2,
  reply: [202, z.object({ event_id: z.uuid() })],
  returns: 'A `webhook.ping` is on its way to it, whatever events it wants.',
  errors: ['not_found', 'webhook_disabled', 'webhook_fixed'],
  async handler(context) {
    const { deps, id } = context;
    const eventId = await pingWebhook(deps, id, actorOf(context));
    deps.webhookWake.wake();
    return { body: { event_id: eventId } };
  },
});
