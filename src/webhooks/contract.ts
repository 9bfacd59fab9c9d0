import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathItemObject } from 'zod-openapi';
import { payloadSchema, type WebhookEvent, webhookEvents } from './events.js';
import { exampleOf } from './examples.js';

// Standard Webhooks 1.0.
const headers = z.object({
  'webhook-id': z.string().meta({ description: '`evt_` and the id of the event: the same at every attempt.' }),
  'webhook-timestamp': z.string().meta({ description: 'When this attempt was made, in seconds since 1970.' }),
  'webhook-signature': z.string().meta({
    description: '`v1,` and the base64 of an HMAC-SHA256 over `id.timestamp.body`; one for each valid secret.',
  }),
});

/** The section `webhooks` of the contract: what receivers get, by event. */
export const sentEvents: Record<string, ZodOpenApiPathItemObject> = Object.fromEntries(
  webhookEvents.map((event) => [event, { post: operationOf(event) }]),
);

function operationOf(event: WebhookEvent): ZodOpenApiOperationObject {
  return {
    summary: `The event ${event}`,
    requestParams: { header: headers },
    requestBody: {
      required: true,
      content: { 'application/json': { schema: payloadSchema(event), example: exampleOf(event) } },
    },
    responses: {
      '2XX': { description: 'Taken: it is not sent again.' },
      default: { description: 'Sent again later, for some three days. 410 disables the webhook.' },
    },
  };
}
