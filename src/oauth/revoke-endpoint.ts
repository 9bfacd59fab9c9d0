import { timingSafeEqual } from 'node:crypto';
import { isApiKey, readApiKey } from '../api-keys/format.js';
import { findKey } from '../api-keys/look-up.js';
import type { Actor } from '../audit/events.js';
import type { Deps } from '../deps.js';
import { openEndpoint } from '../endpoint.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { actorOf } from '../sessions/actor.js';
import { commitChange, endSession } from '../sessions/end.js';
import { endApiKeys } from '../sessions/end-api-keys.js';
import { endSessionOf } from '../sessions/refresh.js';
import { openRefreshToken } from '../sessions/refresh-tokens.js';
import { genuineToken } from './known-tokens.js';
import { shownTokenSchema } from './shown-token.js';

/** To hold a token is enough to end what it belongs to: who finds one in a log can kill it. */
export const revoke = openEndpoint({
  name: 'revokeToken',
  summary: 'End what a token belongs to',
  statements: 3,
  form: 'oauth',
  body: shownTokenSchema('RevokeBody'),
  reply: [200],
  returns: 'The session or the API key of the token has ended, or there was none (RFC 7009 §2.2).',
  async handler({ deps, body, caller }) {
    return { isMiss: !(await end(deps, body.token, caller)) };
  },
});

/** @returns whether the token is one of ours, also if it has ended before */
async function end(deps: Deps, token: string, caller: Caller): Promise<boolean> {
  if (isApiKey(token)) return await endShownKey(deps, token, caller);
  if (openRefreshToken(deps.keys, token)) {
    // Also a replaced one. That is no theft: there is nothing left to steal.
    await endSessionOf(deps, token, 'revoked', { caller });
    return true;
  }
  const claims = await genuineToken(deps, token);
  if (!claims) return false;
  const actor = actorOf({ principal: claims, caller });
  if (claims.kind === 'session') await endSession(deps, claims.sid, 'revoked', actor);
  else await endKey(deps, claims.sid, actor);
  return true;
}

async function endShownKey(deps: Deps, token: string, caller: Caller): Promise<boolean> {
  const key = readApiKey(token);
  const row = key && (await findKey(deps.db, key.id));
  if (!row || !timingSafeEqual(row.secretHash, key.secretHash)) return false;
  if (row.revokedAt === null) await endKey(deps, row.id, { actorId: row.userId, apiKeyId: row.id, caller });
  return true;
}

function endKey(deps: Deps, id: string, actor: Actor): Promise<void> {
  return commitChange(deps, (tx) => endApiKeys(tx, Prisma.sql`id = ${id}::uuid`, actor));
}
