import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { endSession } from './end.js';
import { endSessionOf } from './start.js';

export const bodySchema = z
  .strictObject({
    refresh_token: z
      .string()
      .max(1000)
      .optional()
      .meta({ description: 'Instead of an access token, or of its cookie.' }),
  })
  .meta({ id: 'LogOutBody', example: {} })
  .default({});

type LogoutContext = Context<'any-access-token', z.output<typeof bodySchema>>;

/** Ends the session that a genuine token names, however old it is; that it has ended already is no error. */
export async function handler({ deps, principal, body, cookies, caller }: LogoutContext): Promise<Reply> {
  const refused = principal instanceof AppError;
  if (body.refresh_token === undefined && !refused) {
    await endSession(deps, principal.sid, 'logout', { actorId: principal.sub, caller });
  } else {
    const refreshToken = body.refresh_token ?? cookies.refreshToken;
    if (refreshToken === undefined) throw refused ? principal : new AppError('unauthenticated');
    await endSessionOf(deps, refreshToken, { caller });
  }
  return { status: 204, clearTokens: true };
}
