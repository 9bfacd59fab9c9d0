import { z } from 'zod';
import { endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { scopeOf } from '../permissions/permissions.js';
import { signClientToken } from '../sessions/access-tokens.js';
import type { Client } from './client.js';

const text = z.string().max(2_048);

const bodySchema = z
  .object({
    grant_type: text.meta({ description: '`client_credentials`.' }),
    scope: text.optional().meta({
      description: 'Permissions with spaces between; else all that the key may.',
      example: 'todos:read',
    }),
    resource: text.optional().meta({ description: '`JWT_AUDIENCE`, as `audience`.', example: 'gatelatch' }),
    audience: text.optional().meta({ description: '`JWT_AUDIENCE`.', example: 'gatelatch' }),
    client_id: text.optional().meta({
      description: 'The id of the key’s owner.',
      example: '01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10',
    }),
    client_secret: text.optional().meta({ description: 'The API key.', example: 'glk_…' }),
  })
  .meta({ id: 'ClientTokenBody', example: { grant_type: 'client_credentials', scope: 'todos:read' } });

const replySchema = z
  .object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int(), scope: z.string() })
  .meta({
    id: 'ClientToken',
    example: { access_token: 'eyJhbGciOiJFUzI1NiJ9…', token_type: 'Bearer', expires_in: 900, scope: 'todos:read' },
  });

/** RFC 6749 §4.4: there is no refresh token, because the key is there. */
export const token = endpointFor<Client>()({
  name: 'getClientToken',
  summary: 'Get an access token for an API key',
  statements: 1,
  form: 'oauth',
  body: bodySchema,
  reply: [200, replySchema],
  returns: 'An access token like those of sessions; it ends with the key.',
  handler({ deps, principal: { claims, issuedAt, lifetime }, body }) {
    const { keys, config } = deps;
    if (body.grant_type !== 'client_credentials')
      throw refused('unsupported_grant_type', 'There is no grant but client_credentials.');
    requireOurs(config.tokens.audience, [body.resource, body.audience]);
    const scope = body.scope === undefined ? claims.scope : scopeIn(body.scope, claims.permissions);
    // Its owner has lost all that it was made for (RFC 6749 §3.3: a scope has at least one word).
    if (!scope) throw refused('invalid_scope', 'The key may do nothing any more.');
    const { sub: id, roles, ver: version, sid: keyId, own } = claims;
    const subject = { id, roles, version, own, keyId, scope };
    return {
      body: {
        access_token: signClientToken(keys, config.tokens, subject, issuedAt, lifetime),
        token_type: 'Bearer' as const,
        expires_in: lifetime,
        scope: subject.scope,
      },
      // RFC 6749 §5.1.
      headers: { Pragma: 'no-cache' },
    };
  },
});

/** RFC 8707 §2. */
function requireOurs(ours: string, targets: (string | undefined)[]): void {
  if (targets.some((target) => target !== undefined && target !== ours))
    throw refused('invalid_target', 'Tokens are for the audience of this server alone.');
}

/** RFC 6749 §3.3. */
function scopeIn(asked: string, held: ReadonlySet<string>): string {
  const names = asked.split(' ').filter((name) => name !== '');
  if (names.length === 0 || names.some((name) => !held.has(name)))
    throw refused('invalid_scope', 'The key may not do all that the scope asks for.');
  return scopeOf(new Set(names));
}

function refused(oauth: 'unsupported_grant_type' | 'invalid_target' | 'invalid_scope', detail: string): AppError {
  return new AppError('invalid_request', { oauth, detail });
}
