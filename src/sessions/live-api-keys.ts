import { Prisma } from '../generated/prisma/client.js';
import { looksLikeLink } from '../platform/mail/render.js';

/** The condition of `api_key k` that it has not ended. */
export const isLiveKey = Prisma.sql`k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())`;

const mostNamed = 10;

/** Names of API keys for a mail. Of one that looks like a link only the start is told. */
export function keysInWords(keys: { name: string; start: string }[]): string {
  const named = keys
    .slice(0, mostNamed)
    .map(({ name, start }) => (looksLikeLink(name.replaceAll(' ', '_')) ? start : `${name} (${start})`));
  const more = keys.length > mostNamed ? ` and ${keys.length - mostNamed} more` : '';
  return `${named.join(', ')}${more}`;
}
