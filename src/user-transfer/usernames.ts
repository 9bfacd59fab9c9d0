import { createHash } from 'node:crypto';
import { z } from 'zod';
import { emailSchema, usernameSchema } from '../users/fields.js';

// 32 characters in all: 23, a hyphen and eight digits.
const MAX_READABLE = 23;

const misfitSchema = z.looseObject({ username: z.string().min(1).max(512), email: z.string().nullish() });

/**
 * Makes a username of one that does not fit, such as `auth0|5f7c…` or an e-mail address. An e-mail address is then the
 * user's e-mail, too, if there is no other one.
 * @returns the same line if its username fits, or if the line is a bad one in any case
 */
export function withFittingUsername(line: unknown): unknown {
  const { data: misfit } = misfitSchema.safeParse(line);
  if (!misfit || usernameSchema.safeParse(misfit.username).success) return line;
  const email = misfit.email ?? (emailSchema.safeParse(misfit.username).success ? misfit.username : null);
  return { ...misfit, username: derived(misfit.username, email), email };
}

/** The same for the same line, so that a file can be imported again. */
function derived(name: string, email: string | null): string {
  const [readable = ''] = (email ?? name).split('@');
  const digits = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${readable.replace(/[^a-zA-Z0-9._-]+/g, '-').slice(0, MAX_READABLE) || 'user'}-${digits}`;
}
