import { z } from 'zod';
import { openRefreshToken } from '../domain/refresh-tokens.js';
import { endSession } from '../domain/sessions.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';

export const bodySchema = z.strictObject({ refresh_token: z.string().max(1000).optional() }).default({});

type LogoutContext = Context<'any-access-token', z.output<typeof bodySchema>>;

/** Ends the session that a genuine token names, however old it is; that it has ended already is no error. */
export async function handler(context: LogoutContext): Promise<Reply> {
  await endSession(context.deps, sessionNamed(context), 'logout');
  return { status: 204, clearTokens: true };
}

function sessionNamed({ deps, principal, body, cookies }: LogoutContext): string {
  const refused = principal instanceof AppError;
  if (body.refresh_token === undefined && !refused) return principal.sid;
  const refreshToken = body.refresh_token ?? cookies.refreshToken;
  if (refreshToken === undefined) throw refused ? principal : new AppError('unauthenticated');
  const token = openRefreshToken(deps.keys, refreshToken);
  if (!token) throw new AppError('invalid_refresh_token');
  return token.sessionId;
}
