import { z } from 'zod';
import type { Deps } from '../deps.js';
import { endpoint } from '../endpoint.js';
import { Prisma } from '../generated/prisma/client.js';
import { scopeOf } from '../permissions/permissions.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { goodToken } from './known-tokens.js';
import { shownTokenSchema } from './shown-token.js';

// Claims of own/claims.ts stand beside ours.
const activeSchema = z.looseObject({
  active: z.literal(true),
  iss: z.string(),
  aud: z.string(),
  sub: z.uuid(),
  client_id: z.string(),
  sid: z.uuid(),
  jti: z.string(),
  iat: z.int(),
  exp: z.int().optional().meta({ description: 'Left out for a key without an end.' }),
  scope: z.string(),
  roles: z.array(z.string()),
  ver: z.int(),
  token_type: z.literal('Bearer'),
  kind: z.enum(['session', 'api_key']),
  username: z.string().optional().meta({ description: 'Only for who has `users:read`.' }),
});

const replySchema = z
  .union([activeSchema, z.strictObject({ active: z.literal(false) })])
  .meta({ id: 'Introspection', description: 'RFC 7662 §2.2.', example: { active: false } });

/** What is not good is `active: false` and no more (RFC 7662 §2.2), whatever the reason. */
export const introspect = endpoint({
  name: 'introspectToken',
  summary: 'Ask whether a token is good',
  statements: 1,
  form: 'oauth',
  body: shownTokenSchema('IntrospectBody'),
  reply: [200, replySchema],
  returns: 'What an access token or an API key may now. Everything else is not active.',
  async handler({ deps, principal, body }) {
    const claims = await goodToken(deps, body.token);
    deps.metrics.apiKeys.introspected(claims !== undefined);
    if (!claims) return { body: { active: false as const }, isMiss: true };
    const username = principal.permissions.has('users:read') ? await usernameOf(deps, claims.sub) : undefined;
    return { body: { ...answerFor(deps, claims), ...(username !== undefined && { username }) } };
  },
});

function answerFor({ config }: Deps, claims: AccessClaims) {
  const { sub, client_id, sid, jti, iat, exp, roles, ver, kind, permissions } = claims;
  const { issuer: iss, audience: aud } = config.tokens;
  return {
    ...claims.own,
    active: true as const,
    iss,
    aud,
    sub,
    client_id,
    sid,
    jti,
    iat,
    ...(exp < Number.MAX_SAFE_INTEGER && { exp }),
    scope: scopeOf(permissions),
    roles,
    ver,
    token_type: 'Bearer' as const,
    kind,
  };
}

async function usernameOf({ db }: Deps, id: string): Promise<string | undefined> {
  const [row] = await db.direct<{ username: string }>(Prisma.sql`SELECT username FROM "user" WHERE id = ${id}::uuid`);
  return row?.username;
}
