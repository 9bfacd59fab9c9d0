import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { jwksMaxAge } from './rotation.js';

export const replySchema = z
  .object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })) })
  .meta({ id: 'PublicKeys', description: 'RFC 7517. None under HS256.', example: { keys: [] } });

/** The public keys (RFC 7517), for services that check access tokens by themselves. */
export function handler({ deps }: Context<'public'>): Reply {
  return { status: 200, body: deps.keys.jwks(), headers: { 'Cache-Control': `public, max-age=${jwksMaxAge}` } };
}
