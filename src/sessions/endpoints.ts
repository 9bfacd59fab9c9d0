import { z } from 'zod';
import { endpoint, endpointFor, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { AccessClaims } from './access-tokens.js';
import { clearedOldTokens, clearedTokens, tokensIn } from './cookies.js';
import { endOwnSession, endSession, endUserSessions } from './end.js';
import { sessionListSchema, sessionsJson } from './json.js';
import { listLiveSessions } from './list.js';
import { endSessionOf, refreshSession } from './refresh.js';
import { tokenReply, tokenResponseSchema, transportSchema } from './token-reply.js';

const tokenExample = 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA';

const refreshSchema = z
  .strictObject({
    refresh_token: z.string().max(1000).optional().meta({ description: 'Instead of its cookie.' }),
    transport: transportSchema.optional().meta({ description: 'It must be the one that the token came by.' }),
  })
  .meta({ id: 'RefreshBody', example: { refresh_token: tokenExample } })
  .default({});

/** The response uses the transport of the refresh token: body or cookie. */
export const refresh = openEndpoint({
  name: 'refreshTokens',
  summary: 'Exchange a refresh token for new tokens',
  statements: 1,
  body: refreshSchema,
  reply: [200, tokenResponseSchema],
  returns: 'New tokens of the same session, in the body or as cookies. All who use a token at once get the same.',
  headers: ['Set-Cookie'],
  errors: ['unauthenticated', 'invalid_refresh_token', 'refresh_token_reused', 'session_revoked'],
  async handler({ deps, body, caller, cookies }) {
    const transport = body.refresh_token === undefined ? 'cookie' : 'bearer';
    const { accessToken, ...inCookies } = tokensIn(cookies, deps.config.cookies);
    const refreshToken = body.refresh_token ?? inCookies.refreshToken;
    if (refreshToken === undefined)
      throw new AppError('unauthenticated', { detail: 'Send refresh_token in the body, or its cookie.' });
    if (body.transport !== undefined && body.transport !== transport)
      throw new AppError('validation_failed', {
        errors: [{ path: 'transport', message: `This refresh token came by ${transport} and is answered that way.` }],
      });
    if (transport === 'bearer') return tokenReply(deps, await refreshSession(deps, refreshToken, caller), transport);
    const issued = await refreshSession(deps, refreshToken, caller, { accessToken });
    const reply = tokenReply(deps, issued, transport);
    return { ...reply, cookies: [...clearedOldTokens(deps.config.cookies, cookies), ...(reply.cookies ?? [])] };
  },
});

const logOutSchema = z
  .strictObject({
    refresh_token: z
      .string()
      .max(1000)
      .optional()
      .meta({ description: 'Instead of an access token, or of its cookie.', example: tokenExample }),
  })
  .meta({ id: 'LogOutBody', example: {} })
  .default({});

/** Ends the session of a genuine token, however old; an ended session is no error. */
export const logOut = endpointFor<AccessClaims | AppError>()({
  name: 'logOut',
  summary: 'End the session of a token',
  statements: 1,
  body: logOutSchema,
  reply: [204],
  returns: 'The session has ended, and the cookies are cleared.',
  headers: ['Set-Cookie'],
  errors: ['invalid_refresh_token'],
  async handler({ deps, principal, body, cookies, caller }) {
    if (body.refresh_token === undefined && !(principal instanceof AppError)) {
      await endSession(deps, principal.sid, 'logout', { actorId: principal.sub, caller });
    } else {
      const refreshToken = body.refresh_token ?? tokensIn(cookies, deps.config.cookies).refreshToken;
      if (refreshToken === undefined) throw principal instanceof AppError ? principal : new AppError('unauthenticated');
      await endSessionOf(deps, refreshToken, 'logout', { caller });
    }
    const settings = deps.config.cookies;
    return { cookies: [...clearedTokens(settings), ...clearedOldTokens(settings, cookies)] };
  },
});

export const list = endpoint({
  name: 'listSessions',
  summary: 'List your sessions',
  statements: 1,
  reply: [200, sessionListSchema],
  returns: 'Your live sessions, last used first; `current` is the one that asks.',
  async handler({ deps, principal }) {
    return { body: sessionsJson(await listLiveSessions(deps, principal.sub), principal.sid) };
  },
});

export const end = endpoint({
  name: 'endSession',
  summary: 'End one of your sessions',
  statements: 1,
  reply: [204],
  returns: 'That session has ended.',
  headers: ['Set-Cookie'],
  errors: ['not_found'],
  async handler({ deps, principal, id, caller }) {
    if (!(await endOwnSession(deps, principal.sub, id, { actorId: principal.sub, caller })))
      throw new AppError('not_found');
    return id === principal.sid ? { cookies: clearedTokens(deps.config.cookies) } : {};
  },
});

export const endAll = endpoint({
  name: 'logOutEverywhere',
  summary: 'End all of your sessions',
  statements: 3,
  reply: [204],
  returns: 'All of your sessions have ended, this one too.',
  headers: ['Set-Cookie'],
  async handler({ deps, principal, caller }) {
    await endUserSessions(deps, principal.sub, 'logout_all', { actorId: principal.sub, caller });
    return { cookies: clearedTokens(deps.config.cookies) };
  },
});
