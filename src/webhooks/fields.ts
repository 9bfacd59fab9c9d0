import { z } from 'zod';
import { textSchema } from '../platform/http/fields.js';
import { webhookEvents } from './events.js';
import { urlSchema } from './url.js';

/** `*` is every event, also one that a later version has, so it stands alone. */
export const eventsSchema = z
  .array(z.enum([...webhookEvents, '*']))
  .min(1, { error: 'Name at least one event, or * for all.' })
  .max(64)
  .transform((events): string[] => (events.includes('*') ? ['*'] : [...new Set(events)]))
  .meta({ example: ['user.created', 'user.deleted'] });

export const webhookFields = {
  url: urlSchema,
  events: eventsSchema,
  description: textSchema(0, 256).meta({ example: 'The shop' }),
};
