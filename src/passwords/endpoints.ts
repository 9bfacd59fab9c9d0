import { z } from 'zod';
import { mailTokenSchema } from '../email/one-time-tokens.js';
import { type Context, endpoint, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { captchaTokenField } from '../hooks/fields.js';
import { formPage } from '../platform/http/page.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { deviceCookie, tokenCookies, tokensIn } from '../sessions/cookies.js';
import { deviceTokenFor } from '../sessions/known-devices.js';
import { emailSchema } from '../users/fields.js';
import { changePassword } from './change.js';
import { requireGoodPassword } from './policy.js';
import { type ProvenUser, requireProof } from './proof.js';
import { askForReset, resetPassword, userToReset } from './reset.js';

const endApiKeysField = z
  .boolean()
  .optional()
  .meta({ description: 'Whether your API keys end, too. By default they stay as they are.' });

const changeSchema = z
  .strictObject({
    current_password: z.string().min(1).optional().meta({ description: 'Needed where there is one.' }),
    new_password: z.string(),
    end_api_keys: endApiKeysField,
  })
  .meta({
    id: 'ChangePasswordBody',
    example: { current_password: 'nine geese over a quiet lake', new_password: 'a moth between two relays' },
  });

type ChangeContext = Context<AccessClaims, z.output<typeof changeSchema>>;

/**
 * Ends every other session of the user (ASVS 6.2.3, 7.4.3). Where the access token came by cookie, the cookies get new
 * tokens, and the refresh tokens of before are void. A 204 has no body for a client that keeps its tokens itself.
 */
export const change = endpoint({
  name: 'changePassword',
  summary: 'Change your password',
  statements: 8,
  body: changeSchema,
  reply: [204],
  returns: 'The password is changed, and every other session has ended.',
  headers: ['Set-Cookie'],
  errors: ['invalid_credentials', 'insufficient_user_authentication', 'overloaded'],
  async handler(context) {
    const { deps, body, caller } = context;
    const proven = await checkCurrent(context);
    requireGoodPassword('new_password', body.new_password, proven.user, deps.config.passwords);
    const passwordHash = await deps.passwords.hash(body.new_password, caller);
    // A login at this moment may have rehashed the same password at a higher cost: check once more.
    const changed =
      (await replace(context, proven, passwordHash)) ||
      (proven.passwordHash !== undefined && (await replace(context, await checkCurrent(context), passwordHash)));
    if (!changed) throw new AppError(proven.passwordHash === undefined ? 'session_revoked' : 'invalid_credentials');
    const { renewed } = changed;
    if (!renewed) return {};
    return { cookies: tokenCookies(deps.config.cookies, renewed, deviceTokenFor(deps.keys, renewed.user)) };
  },
});

function checkCurrent(context: ChangeContext): Promise<ProvenUser> {
  return requireProof(context, context.body.current_password, { field: 'current_password', always: true });
}

function replace({ deps, principal, body, caller, cookies }: ChangeContext, proven: ProvenUser, passwordHash: string) {
  const byCookie = tokensIn(cookies, deps.config.cookies).accessToken !== undefined;
  const keep = { sessionId: principal.sid, renewWith: byCookie ? deps : undefined };
  const actor = { actorId: principal.sub, caller };
  return changePassword(deps, proven, passwordHash, keep, actor, body.end_api_keys);
}

const forgotSchema = z
  .strictObject({ email: emailSchema, captcha_token: captchaTokenField })
  .meta({ id: 'ForgotPasswordBody', example: { email: 'ada@example.com' } });

/** The same answer after the same work, whether or not a user has the address (ASVS 6.3.8). */
export const forgot = openEndpoint({
  name: 'forgotPassword',
  summary: 'Ask for a mail to reset the password',
  statements: 1,
  body: forgotSchema,
  reply: [202],
  returns: 'Always this: if a user has the address, a mail is on its way.',
  errors: ['forgot_refused'],
  async handler({ deps, body, caller }) {
    await deps.hooks.beforeForgotPassword({ email: body.email, captchaToken: body.captcha_token, caller });
    await askForReset(deps, body.email);
    return {};
  },
});

const resetSchema = z
  .strictObject({ token: mailTokenSchema, password: z.string(), end_api_keys: endApiKeysField })
  .meta({
    id: 'ResetPasswordBody',
    example: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', password: 'a moth between two relays' },
  });

/**
 * Ends every session. A wrong token costs no hash. The cookie makes this device known: a stranger who locks the user
 * out by guesses does not keep them from logging in here. Where the second factor is on it does not: the mailbox alone
 * must buy no guesses at codes.
 */
export const reset = openEndpoint({
  name: 'resetPassword',
  summary: 'Set a new password by a mailed token',
  statements: 11,
  body: resetSchema,
  reply: [204],
  returns: 'The password is set, every session has ended, and the address counts as verified.',
  headers: ['Set-Cookie'],
  errors: ['invalid_one_time_token', 'overloaded'],
  async handler({ deps, body, caller }) {
    const user = await userToReset(deps, body.token);
    requireGoodPassword('password', body.password, user, deps.config.passwords);
    const passwordHash = await deps.passwords.hash(body.password, caller);
    const actor = { actorId: user.id, caller };
    const proven = { userId: user.id, token: body.token };
    const { epoch, hasSecondFactor } = await resetPassword(deps, proven, passwordHash, actor, body.end_api_keys);
    if (hasSecondFactor) return {};
    return { cookies: [deviceCookie(deps.config.cookies, deviceTokenFor(deps.keys, { id: user.id, epoch }))] };
  },
});

export const resetPage = openEndpoint({
  name: 'showResetPasswordPage',
  summary: 'The page behind the link in a reset mail',
  statements: 0,
  reply: [200, 'text/html'],
  returns: 'A page whose button sends the new password. It does not use up the token.',
  handler: () =>
    formPage('Set a new password', {
      form: `<label>New password <input name="password" type="password" autocomplete="new-password" required></label>
<label><input name="end_api_keys" type="checkbox" checked> End my API keys, too</label>
<button>Set the password</button>`,
      target: 'auth/password/reset',
      done: 'The password is set, and every session has ended. Log in with the new one.',
    }),
});
