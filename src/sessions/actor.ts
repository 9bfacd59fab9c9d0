import type { Actor } from '../audit/events.js';
import type { Caller } from '../platform/caller.js';
import type { AccessClaims } from './access-tokens.js';

/** Who acts by a token: its user, and the key if it is one's or was made from one. */
export function actorOf({ principal, caller }: { principal: AccessClaims; caller: Caller }): Actor {
  const { sub, sid, kind } = principal;
  return { actorId: sub, caller, ...(kind === 'api_key' && { apiKeyId: sid }) };
}
