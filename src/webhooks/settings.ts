import { duration, list } from '../platform/settings/kinds.js';
import { type Network, networkOf } from './addresses.js';

const form = 'networks such as 10.0.0.0/8 or fd00::/8, separated by commas';

export const webhookSettings = {
  WEBHOOK_ALLOW: list
    .refine((texts) => texts.every((text) => networkOf(text) !== undefined), { error: form })
    .transform((texts) => texts.map(networkOf).filter((network): network is Network => network !== undefined))
    .optional()
    .describe(
      'Networks that webhooks may reach though they are not public, such as `10.0.0.0/8`, separated by commas.',
    ),
  WEBHOOK_TIMEOUT: duration('15s', { max: 60 }).describe(
    'How long a webhook may take to answer; then the attempt has failed.',
  ),
};
