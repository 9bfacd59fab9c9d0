import { createHash } from 'node:crypto';
import { usernameSchema } from '../users/fields.js';

// 32 characters in all: 23, a hyphen and eight digits.
const MAX_READABLE = 23;

/**
 * Makes a username of one that does not fit, such as `auth0|5f7c…` or an e-mail address: of the local part of the
 * e-mail, or of the name itself, with eight digits of its hash. The same line always gets the same one, so it can be
 * imported again.
 * @returns a username that fits, as it is
 */
export function deriveUsername(name: string, email: string | null): string {
  if (usernameSchema.safeParse(name).success) return name;
  const [readable = ''] = (email ?? name).split('@');
  const digits = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${readable.replace(/[^a-zA-Z0-9._-]+/g, '-').slice(0, MAX_READABLE) || 'user'}-${digits}`;
}
