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

/** A time to replay from or until. The database knows no year 0. @param error what is told of one that is written wrong */
export const replayTime = (error?: string) =>
  z.iso
    .datetime({ offset: true, error, abort: true })
    .refine((text) => new Date(text).getUTCFullYear() > 0, { error: 'There is no year 0.' });

export const webhookFields = {
  url: urlSchema,
  events: eventsSchema,
  description: textSchema(0, 256).meta({ example: 'The shop' }),
};
