import type { PlainUser } from '../users/plain-user.js';

/**
 * Your own claims: they stand in every access token of the user, and a handler finds them in `principal.own`. Return JSON,
 * of at most 512 bytes. It must not wait for anything, and gives the same for the same user.
 */
export function ownClaims(_user: PlainUser): Record<string, unknown> {
  return {};
}
