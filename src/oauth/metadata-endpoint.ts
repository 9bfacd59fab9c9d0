import { z } from 'zod';
import type { Deps } from '../deps.js';
import { openEndpoint } from '../endpoint.js';
import { permissions } from '../permissions/permissions.js';

const methods = z.array(z.string());

const replySchema = z
  .object({
    issuer: z.string(),
    jwks_uri: z.string(),
    token_endpoint: z.string(),
    introspection_endpoint: z.string(),
    revocation_endpoint: z.string(),
    grant_types_supported: methods,
    response_types_supported: methods,
    token_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    scopes_supported: methods,
    gatelatch_revocations_uri: z.string().optional().meta({ description: 'What tokens are refused here.' }),
    gatelatch_revocations_stream_uri: z.string().optional().meta({ description: 'The same as it grows.' }),
  })
  .meta({ id: 'AuthorizationServer', description: 'RFC 8414 §2.' });

/** In seconds. */
const maxAge = 300;

function metadata({ config }: Deps) {
  const { issuer } = config.tokens;
  const body: z.infer<typeof replySchema> = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth/token`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    // RFC 8414 §2: a type of access token is a way too.
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
    revocation_endpoint_auth_methods_supported: ['none'],
    scopes_supported: permissions.map(({ name }) => name),
    ...(config.revocationList && {
      gatelatch_revocations_uri: `${issuer}/.well-known/revocations`,
      gatelatch_revocations_stream_uri: `${issuer}/.well-known/revocations/stream`,
    }),
  };
  return { body, headers: { 'Cache-Control': `public, max-age=${maxAge}` } };
}

const reply = [200, replySchema] as const;

export const show = openEndpoint({
  name: 'getAuthorizationServer',
  summary: 'What OAuth clients may find here',
  statements: 0,
  reply,
  returns: 'The endpoints, and what they take (RFC 8414 §2).',
  handler: ({ deps }) => metadata(deps),
});

export const showForPath = openEndpoint({
  name: 'getAuthorizationServerOfPath',
  summary: 'The same for a `JWT_ISSUER` with a path',
  reply,
  returns: 'The path is that of `JWT_ISSUER` (RFC 8414 §3.1).',
  handler: ({ deps }) => metadata(deps),
});
