import { z } from 'zod';

/** The body of introspection and revocation. The hint says nothing that the token does not (RFC 7009 §2.1). */
export function shownTokenSchema(id: string) {
  return z
    .object({
      token: z.string().max(16_384).meta({ description: 'An access token or an API key.' }),
      token_type_hint: z.string().optional().meta({ description: 'Ignored.', example: 'access_token' }),
    })
    .meta({ id, example: { token: 'eyJhbGciOiJFUzI1NiJ9…' } });
}
