import { z } from 'zod';
import type { Config } from '../config.js';
import { permissionsOf, scopeOf } from '../permissions/permissions.js';
import type { Reply } from '../platform/http/endpoint.js';
import { time } from '../platform/http/fields.js';
import { userExample, userJson, userSchema } from '../users/json.js';
import { type Authentication, acrValues } from './authentication.js';
import { accessCookie, tokenCookies } from './cookies.js';
import type { SessionTokens } from './start.js';
import type { SteppedUp } from './step-up.js';

/** Where a response has its tokens: in the body or in HttpOnly cookies. */
export const transportSchema = z.enum(['bearer', 'cookie']);

/** A known device, in the body of a sign-in. */
export const deviceTokenField = z.string().max(200).optional().meta({
  description: 'From an earlier login, unless a cookie has it.',
  example: '3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE',
});

/** How and when the user signed in, for people and for clients that cannot read the token. */
export const authenticationFields = {
  acr: z.enum(acrValues).meta({ description: 'How strong the sign-in was, weakest first.' }),
  amr: z.array(z.string()).meta({ description: 'How the user proved who they are (RFC 8176).' }),
  auth_time: time.meta({ description: 'When that was: the latest full sign-in or step-up.' }),
};

/** The same as JSON. */
export function authenticationJson({ amr, acr, authTime }: Authentication) {
  return { acr, amr, auth_time: authTime.toISOString() };
}

/** The token response (RFC 6749 §5.1); with `transport: "cookie"` the three tokens are in cookies. */
export const tokenResponseSchema = z
  .object({
    access_token: z.string().optional().meta({ description: 'A JWT. Not with the transport `cookie`.' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Lifetime of the access token, in seconds.' }),
    refresh_token: z.string().optional().meta({ description: 'Good for one use. Not with the transport `cookie`.' }),
    refresh_expires_in: z.int().meta({ description: 'Lifetime of the refresh token, in seconds.' }),
    scope: z.string().meta({ description: 'What the access token may, by the roles (RFC 6749 §5.1).' }),
    session_id: z.uuid(),
    ...authenticationFields,
    device_token: z
      .string()
      .optional()
      .meta({ description: 'Send it with the next login. Not after a refresh, and not with the transport `cookie`.' }),
    recovery_codes_left: z.int().optional().meta({ description: 'Only after a sign-in with a recovery code.' }),
    user: userSchema,
  })
  .meta({
    id: 'TokenResponse',
    description: 'RFC 6749 §5.1. With the transport `cookie`, the three tokens are in cookies instead.',
    example: {
      access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl',
      refresh_token: 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA',
      device_token: '3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE',
      token_type: 'Bearer',
      expires_in: 900,
      refresh_expires_in: 2592000,
      scope: 'profile:read todos:read todos:write',
      session_id: '01a203b2-0d47-7f06-8a35-9e1d6b7c4f52',
      acr: 'aal1',
      amr: ['pwd'],
      auth_time: '2026-11-22T14:18:48.360Z',
      user: userExample,
    },
  });

type TokenResponse = z.infer<typeof tokenResponseSchema>;

export function tokenReply(
  { config }: { config: Pick<Config, 'cookies'> },
  issued: SessionTokens,
  transport: z.infer<typeof transportSchema>,
  deviceToken?: string,
  recoveryCodesLeft?: number,
): Reply<TokenResponse> {
  const facts: TokenResponse = {
    token_type: 'Bearer',
    expires_in: issued.accessExpiresIn,
    refresh_expires_in: issued.refreshExpiresIn,
    scope: scopeOf(permissionsOf('person', issued.user.roles)),
    session_id: issued.sessionId,
    ...authenticationJson(issued.authentication),
    ...(recoveryCodesLeft !== undefined && { recovery_codes_left: recoveryCodesLeft }),
    user: userJson(issued.user),
  };
  if (transport === 'cookie') return { body: facts, cookies: tokenCookies(config.cookies, issued, deviceToken) };
  const { accessToken, refreshToken } = issued;
  const device = deviceToken === undefined ? {} : { device_token: deviceToken };
  return { body: { access_token: accessToken, refresh_token: refreshToken, ...device, ...facts } };
}

/** After a step-up: no refresh token, because the session's stays. */
export const steppedUpSchema = tokenResponseSchema
  .pick({ access_token: true, token_type: true, expires_in: true, scope: true, session_id: true, user: true })
  .extend(authenticationFields)
  .meta({
    id: 'SteppedUp',
    description: 'Where the access token came by cookie, the new one is in that cookie instead.',
    example: {
      access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'profile:read todos:read todos:write',
      session_id: '01a203b2-0d47-7f06-8a35-9e1d6b7c4f52',
      acr: 'aal2',
      amr: ['pwd', 'otp', 'mfa'],
      auth_time: '2026-11-22T14:18:48.360Z',
      user: userExample,
    },
  });

export function steppedUpReply(
  { config }: { config: Pick<Config, 'cookies' | 'tokens'> },
  { accessToken, accessExpiresIn, sessionId, authentication, user }: SteppedUp,
  transport: z.infer<typeof transportSchema>,
): Reply<z.infer<typeof steppedUpSchema>> {
  const facts = {
    token_type: 'Bearer' as const,
    expires_in: accessExpiresIn,
    scope: scopeOf(permissionsOf('person', user.roles)),
    session_id: sessionId,
    ...authenticationJson(authentication),
    user: userJson(user),
  };
  if (transport === 'bearer') return { body: { access_token: accessToken, ...facts } };
  // The refresh token's cookie may end sooner: what is left of it is not known here.
  return { body: facts, cookies: [accessCookie(config.cookies, accessToken, config.tokens.refreshTtl)] };
}
