import { z } from 'zod';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { isReachable, literalAddress } from './addresses.js';

const longest = 2_048;

/** As the URL parser writes it, so that what is checked, shown and called is one thing. */
export const urlSchema = z
  .string()
  .max(longest, { error: `At most ${longest} characters.`, abort: true })
  .transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const objection = objectionTo(url, text);
    if (url && objection === undefined) return url.href;
    context.addIssue({ code: 'custom', message: objection ?? '' });
    return z.NEVER;
  })
  .meta({ example: 'https://shop.example.com/hooks/gatelatch', override: { type: 'string', maxLength: longest } });

function objectionTo(url: URL | undefined, text: string): string | undefined {
  if (!url || !/^https?:$/.test(url.protocol)) return 'An https URL, please.';
  if (url.username !== '' || url.password !== '') return 'No user and no password in the URL: deliveries are signed.';
  if (text.includes('#')) return 'No fragment: it would never be sent.';
  return url.href.length > longest ? `At most ${longest} characters.` : undefined;
}

/**
 * What of a URL depends on the settings. A name is looked up when it is called, each time.
 * @throws AppError validation_failed
 */
export function requireAllowed(text: string, { allow, plainHttp }: Config['webhooks']): void {
  const url = new URL(text);
  const address = literalAddress(url);
  if (url.protocol === 'http:' && !plainHttp) throw refused('It must begin with https://.');
  if (address !== undefined && !isReachable(address, allow))
    throw refused('This address is not public, and WEBHOOK_ALLOW does not name its network.');
}

function refused(message: string): AppError {
  return new AppError('validation_failed', { errors: [{ path: 'url', message }] });
}
