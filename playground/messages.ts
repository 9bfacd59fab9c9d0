import { apiUrl } from './api-url.js';
import { type Exchange, jsonOf } from './exchange.js';

/** What a refusal means, for people; one that is not here tells it in its own `detail`. */
const words: Record<string, string> = {
  unauthenticated: 'No token came along, so the gate stays closed.',
  session_revoked: 'This session has been ended. Its access token is refused, although it had time left.',
  token_expired: 'The access token has run out. A refresh gets the next one.',
  token_stale: 'The roles have changed since this access token was made. A refresh gets a new one.',
  invalid_token: 'This server did not make this access token.',
  invalid_credentials: 'The name or the password is wrong. The server does not say which.',
  invalid_refresh_token: 'The refresh token is not good any more. Log in again.',
  refresh_token_reused: 'A refresh token came twice, as if stolen: the session has been ended.',
  username_taken: 'This username is taken. Choose another, or log in if it is yours.',
  email_taken: 'This e-mail address is taken.',
  signup_closed: 'This server takes no new users by sign-up (SIGNUP=closed).',
  email_unverified: 'The e-mail address is to be confirmed first: open the link in the mail.',
  csrf_rejected: 'Cookies count only on requests from pages of this server’s own origins, and this page is on none.',
  second_factor_required: 'The password is right, and a second factor is due. Until then there is no token.',
  login_expired: 'This took too long, or there were too many wrong codes. Begin anew.',
  invalid_code: 'The code is wrong, or it has been used. Wait for the next one.',
  insufficient_user_authentication: 'This asks for a fresh sign-in with two factors. Prove anew that it is you.',
  invalid_passkey: 'This passkey can’t be taken.',
  challenge_expired: 'This took too long. Try again.',
  passkey_taken: 'This passkey is there already.',
  link_required: 'A user here has this address. If that is you, log in as usual: then it is linked.',
  identity_taken: 'This belongs to another user here.',
  provider_unavailable: 'The provider does not answer. Come in by another way, or try again later.',
  last_sign_in_method: 'That would leave you without a way to sign in, or without what this server asks for.',
  too_many_api_keys: 'You have as many keys as you may have. End one first.',
  not_found: 'There is no such thing, or it is not yours: the two look the same.',
  overloaded: 'Too many passwords are being checked at once. Try again in a moment.',
  database_unavailable: 'The database is down right now. Nothing is lost; try again in a moment.',
};

/** What a success means, by its request. */
const successes: Record<string, string> = {
  'POST /auth/signup': 'The user is created and signed in.',
  'POST /auth/login': 'The password is right, and a session begins.',
  'POST /auth/refresh': 'New tokens have replaced the old ones.',
  'POST /auth/login/second-factor': 'Both factors are right, and a session begins.',
  'POST /auth/login/passkey': 'The passkey is right: two factors in one. A session begins.',
  'POST /auth/external': 'This is where the provider asks who you are. The verifier of this challenge stays here.',
  'POST /auth/external/token': 'The provider vouches for you, and this page has the verifier. A session begins.',
  'POST /auth/reauthenticate': 'It is you. The session is as good as new.',
  'GET /me/sign-in-methods': 'These are your ways to sign in.',
  'PATCH /me/sign-in-methods': 'It is changed, and every other session has ended.',
  'POST /me/totp': 'Scan the picture with an authenticator app. It counts once its first code is there.',
  'POST /me/totp/…/confirm': 'The app is yours. From now on a login asks for its code.',
  'DELETE /me/totp/…': 'The app is gone, and every other session has ended.',
  'POST /me/passkeys/options': 'The browser makes a passkey of this challenge.',
  'POST /me/passkeys': 'The passkey is yours. It signs you in without a password.',
  'DELETE /me/passkeys/…': 'The passkey is gone, and every other session has ended.',
  'POST /me/identities': 'It is linked. From now on it signs you in.',
  'DELETE /me/identities/…': 'It is unlinked. The sessions that it began have ended.',
  'POST /me/recovery-codes': 'These are new, and the former ones are dead.',
  'GET /me/api-keys': 'These are your API keys. Their text is told only once.',
  'POST /me/api-keys': 'The key is yours. It opens what its scopes say.',
  'DELETE /me/api-keys/…': 'That key has ended, on every instance.',
  'POST /auth/logout': 'The session has ended, and its access token with it.',
  'POST /auth/logout-all': 'Every session of yours has ended, on every device.',
  'GET /auth/sessions': 'This is where you are signed in.',
  'DELETE /auth/sessions/…': 'That session has ended. Its token is refused from now on.',
  'GET /me': 'This is who you are.',
  'GET /todos': 'These are your todos. Other users cannot see them.',
  'POST /todos': 'The todo is saved.',
  'PATCH /todos/…': 'It is changed.',
  'DELETE /todos/…': 'It is gone.',
};

export const unreachable = 'No answer. Is the server running?';

/** The request in short, with any id and the API's own path left out: `PATCH /todos/…`. */
export function lineOf({ method, url }: Exchange): string {
  const path = url.pathname.slice(apiUrl().pathname.length - 1);
  return `${method} ${path.replace(/[\da-f-]{36}/, '…')}`;
}

/** What came of an exchange, in a sentence or two. */
export function verdictOn(exchange: Exchange): string {
  const { response } = exchange;
  if (!response) return unreachable;
  const { code, message, detail } = jsonOf(exchange) ?? {};
  if (response.status < 400) return message ?? successes[lineOf(exchange)] ?? 'All went well.';
  return (words[code] ?? `${detail ?? 'The server refuses this.'}${waitOf(response.headers)}`) as string;
}

type Meant = { code?: string | undefined; message: string; retryAfter?: number | undefined };

/** What the client's own error means. */
export function meaningOf({ code, message, retryAfter }: Meant) {
  if (code === undefined) return unreachable;
  return words[code] ?? `${message}${retryAfter ? ` Try again in ${retryAfter} s.` : ''}`;
}

function waitOf(headers: [string, string][]): string {
  const wait = new Map(headers).get('retry-after');
  return wait ? ` Try again in ${wait} s.` : '';
}

/** Why the gate has closed. */
export function farewell(reason: string): string {
  if (reason === 'logged_out') return 'You logged out, and the session has ended.';
  return words[reason] ?? 'The session has ended.';
}
