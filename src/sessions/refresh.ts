import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { transportSchema } from '../platform/http/fields.js';
import * as sessions from './start.js';

export const bodySchema = z
  .strictObject({
    refresh_token: z.string().max(1000).optional().meta({ description: 'Where its cookie is not to be used.' }),
    transport: transportSchema.optional().meta({ description: 'The one it came by: no other is possible.' }),
  })
  .meta({ id: 'RefreshBody', example: { refresh_token: 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA' } })
  .default({});

/** A token is answered the way it came: from the body in the body, from a cookie by cookies. */
export async function handler({
  deps,
  body,
  caller,
  cookies,
}: Context<'public', z.output<typeof bodySchema>>): Promise<Reply> {
  const transport = body.refresh_token === undefined ? 'cookie' : 'bearer';
  const refreshToken = body.refresh_token ?? cookies.refreshToken;
  if (refreshToken === undefined)
    throw new AppError('unauthenticated', { detail: 'Send refresh_token in the body, or its cookie.' });
  if (body.transport !== undefined && body.transport !== transport)
    throw new AppError('validation_failed', {
      errors: [{ path: 'transport', message: `This refresh token came by ${transport} and is answered that way.` }],
    });
  return { status: 200, tokens: { issued: await sessions.refreshSession(deps, refreshToken, caller), transport } };
}
