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
  not_found: 'There is no such thing, or it is not yours: the two look the same.',
  overloaded: 'Too many passwords are being checked at once. Try again in a moment.',
  database_unavailable: 'The database is down right now. Nothing is lost; try again in a moment.',
};

/** What a success means, by its request. */
const successes: Record<string, string> = {
  'POST /auth/signup': 'The user is created and signed in.',
  'POST /auth/login': 'The password is right, and a session begins.',
  'POST /auth/refresh': 'New tokens have replaced the old ones.',
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

/** What the client's own error means. */
export function meaningOf({ code, message, retryAfter }: { code?: string; message: string; retryAfter?: number }) {
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
