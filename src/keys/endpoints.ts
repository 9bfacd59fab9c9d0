import { z } from 'zod';
import { openEndpoint } from '../endpoint.js';
import { jwksMaxAge } from './rotation.js';

const keySetSchema = z
  .object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })) })
  .meta({ id: 'PublicKeys', description: 'RFC 7517. None under HS256.', example: { keys: [] } });

export const list = openEndpoint({
  name: 'listPublicKeys',
  summary: 'Get the keys that verify access tokens',
  statements: 0,
  reply: [200, keySetSchema],
  returns: 'The public keys, next and retired ones too (RFC 7517). None under HS256.',
  handler({ deps }) {
    const body = deps.keys.jwks() as z.infer<typeof keySetSchema>;
    return { body, headers: { 'Cache-Control': `public, max-age=${jwksMaxAge}` } };
  },
});
