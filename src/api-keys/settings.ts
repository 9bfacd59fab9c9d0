import { z } from 'zod';
import { choice, duration } from '../platform/settings/kinds.js';

export const apiKeySettings = {
  API_KEYS: choice(['on', 'service', 'off'], 'on').describe(
    'Who may have API keys: `on` is everybody, `service` is service users and those persons who have some already, and `off` takes none.',
  ),
  API_KEY_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9]{1,9}$/, { error: '2 to 10 of a-z and 0-9, a letter first' })
    .default('glk')
    .describe('How new API keys begin, so that people and scanners know them. It decides nothing.'),
  API_KEY_TTL: duration('90d').describe(
    'How long an API key is good that was made without `expires_in`; at most `API_KEY_MAX_AGE`.',
  ),
  API_KEY_MAX_AGE: z
    .string()
    .default('365d')
    .transform((text, context) => {
      if (text === 'off') return undefined;
      const seconds = duration('365d').safeParse(text);
      if (seconds.success) return seconds.data;
      context.addIssue({ code: 'custom', message: 'a time such as 365d, or off' });
      return z.NEVER;
    })
    .describe('The most that `expires_in` may ask for. `off`: as long as one likes, and `null` is without an end.'),
};
