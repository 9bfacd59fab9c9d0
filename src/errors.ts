/** Every refusal. Clients branch on the code, so its meaning never changes; the title is for people. */
export const errorCatalogue = {
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_request: { status: 400, title: 'The request is malformed' },
  // A mailed token is input, not a credential of the request: no 401 and no challenge.
  challenge_expired: { status: 400, title: 'The passkey challenge has expired or was used already' },
  invalid_passkey: { status: 400, title: 'The passkey cannot be added' },
  invalid_one_time_token: { status: 400, title: 'The link has expired or was used already', code: 'invalid_token' },
  unauthenticated: { status: 401, title: 'No token was presented' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  token_expired: { status: 401, title: 'The access token has expired' },
  token_stale: { status: 401, title: 'The access token is older than a change of roles' },
  session_revoked: { status: 401, title: 'The session has ended' },
  api_key_revoked: { status: 401, title: 'The API key has ended' },
  invalid_credentials: { status: 401, title: 'Wrong username or password' },
  invalid_refresh_token: { status: 401, title: 'The refresh token is not valid' },
  refresh_token_reused: { status: 401, title: 'The refresh token was used before; its session has been ended' },
  login_expired: { status: 401, title: 'The sign-in took too long or was tried too often' },
  invalid_code: { status: 401, title: 'Wrong code' },
  insufficient_user_authentication: { status: 401, title: 'This needs a fresher or stronger sign-in' },
  account_disabled: { status: 403, title: 'This user is disabled' },
  second_factor_required: { status: 403, title: 'A second factor is due' },
  email_unverified: { status: 403, title: 'The e-mail address has not been verified' },
  csrf_rejected: { status: 403, title: 'A cross-site request may not use cookies here' },
  forbidden: { status: 403, title: 'This needs a permission or a role that you do not have' },
  session_required: { status: 403, title: 'This needs the access token of a session: an API key does not do' },
  signup_closed: { status: 403, title: 'Sign-up is closed' },
  signup_refused: { status: 403, title: 'The sign-up was refused' },
  login_refused: { status: 403, title: 'The sign-in was refused' },
  forgot_refused: { status: 403, title: 'The mail to set a new password was refused' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'This path does not allow that method' },
  username_taken: { status: 409, title: 'The username is taken' },
  email_taken: { status: 409, title: 'The e-mail address is taken' },
  last_admin: { status: 409, title: 'The last admin cannot be demoted, disabled or deleted' },
  quota_exceeded: { status: 409, title: 'You have as many of these as you may have' },
  passkey_taken: { status: 409, title: 'This passkey is registered already' },
  too_many_api_keys: { status: 409, title: 'There are as many API keys as there may be' },
  too_many_webhooks: { status: 409, title: 'There are as many webhooks as there may be' },
  webhook_fixed: { status: 409, title: 'This webhook stands for code: it cannot be changed here' },
  webhook_disabled: { status: 409, title: 'The webhook is disabled' },
  not_a_service_user: { status: 409, title: 'This user is a person' },
  identity_taken: { status: 409, title: 'This identity is linked to a user already' },
  link_required: { status: 409, title: 'A user here has the address: sign in, then link the provider' },
  too_many: { status: 409, title: 'You have as many of these as you may have' },
  last_sign_in_method: { status: 409, title: 'Without this method you could not sign in as it is asked of you' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON in UTF-8' },
  validation_failed: { status: 422, title: 'Some of the input is not valid' },
  rate_limited: { status: 429, title: 'Too many attempts' },
  header_fields_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  provider_unavailable: { status: 503, title: 'The provider cannot be reached right now' },
  overloaded: { status: 503, title: 'Too busy right now' },
  database_unavailable: { status: 503, title: 'The database cannot be reached right now' },
  shutting_down: { status: 503, title: 'This instance is stopping' },
} as const satisfies Record<string, CatalogueEntry>;

/** `code` is what clients read, if one of their codes has two statuses. */
type CatalogueEntry = { status: number; title: string; code?: string };

export type ErrorCode = keyof typeof errorCatalogue;

/** What the client should do. `npm run docs` writes docs/reference/errors.md from it. */
export const errorAdvice: Record<ErrorCode, string> = {
  invalid_json: 'Correct the request; sending it again does not help.',
  invalid_request: 'Correct the request as `detail` says; sending it again does not help.',
  invalid_one_time_token: 'Let the user ask for another mail.',
  unauthenticated: 'Log in, or send the access token where `ACCESS_TOKEN_SOURCES` looks for it.',
  invalid_token: 'Refresh once and repeat the request once; if that fails too, log in.',
  token_expired: 'Refresh, and repeat the request.',
  token_stale: 'Refresh: the new token has the new roles. Then repeat the request.',
  session_revoked: 'Forget the tokens and let the user log in.',
  api_key_revoked: 'Use another API key: this one is over for good.',
  invalid_credentials: 'Let the user type the username and password again.',
  invalid_refresh_token: 'Forget the tokens and let the user log in.',
  refresh_token_reused: 'Forget the tokens and let the user log in: two parties used one refresh token.',
  login_expired: 'Begin the sign-in again.',
  invalid_code: 'Let the user type the code again, or the next one.',
  insufficient_user_authentication:
    'Refresh once and repeat the request once; then let the user prove again who they are (`POST /auth/reauthenticate`): `acr_values` and `max_age` say how.',
  challenge_expired: 'Ask for new options and let the user try again.',
  invalid_passkey: 'Let the user make the passkey again, or another one.',
  second_factor_required:
    'Ask for one of `methods` and send it with `login_token` to `POST /auth/login/second-factor` within `expires_in` seconds.',
  passkey_taken: 'Nothing is to be done if it is the same user; else use another passkey.',
  identity_taken: 'Nothing is to be done if it is the same user; else unlink it there first.',
  link_required:
    'Let the user sign in by what that user has, then send `link_token` to `POST /me/identities` within `expires_in` seconds.',
  too_many: 'Let the user remove one first.',
  last_sign_in_method: 'Let the user add another method first.',
  account_disabled: 'Tell the user to ask an administrator.',
  email_unverified: 'Tell the user to open the link in the mail; `POST /auth/email/resend` sends another.',
  csrf_rejected: 'Call from the origin of the server or of `APP_URL`, or name the origin in `CORS_ORIGINS`.',
  forbidden:
    'Do not repeat the request: the token lacks what the route needs. `scope` names the permission, if it is one.',
  session_required: 'Let a person log in and use their access token.',
  too_many_api_keys: 'Let one of the keys be ended first.',
  too_many_webhooks: 'Delete one of the webhooks first; `detail` says how many there may be.',
  webhook_fixed: 'Change `src/own/events.ts`: this webhook is the handlers that stand there.',
  webhook_disabled: 'Enable the webhook first: `PATCH` with `enabled: true`.',
  not_a_service_user: 'Persons make their keys themselves: `POST /me/api-keys`.',
  signup_closed: 'Do not offer sign-up: an operator makes the users.',
  signup_refused: 'Show `detail`. Perhaps `captcha_token` was missing, used before or too old: get a new one.',
  login_refused: 'Show `detail`. Perhaps `captcha_token` was missing, used before or too old: get a new one.',
  forgot_refused: 'Show `detail`. Perhaps `captcha_token` was missing, used before or too old: get a new one.',
  not_found: 'Take the entry off the list: it does not exist, has ended, or belongs to another user.',
  method_not_allowed: 'Use one of the methods in the header `Allow`.',
  username_taken: 'Let the user choose another username.',
  email_taken: 'Let the user choose another address, or log in with this one.',
  last_admin: 'Make another user an admin first.',
  quota_exceeded: 'Let the user delete some first; `detail` says how many there may be.',
  payload_too_large: 'Send at most 64 KiB.',
  unsupported_media_type: 'Send JSON in UTF-8, not compressed, with `Content-Type: application/json`.',
  validation_failed: 'Show `errors` beside the fields: each entry has a `path` and a `message`.',
  rate_limited: 'Wait for `Retry-After` seconds; the header `RateLimit` names the limit.',
  header_fields_too_large: 'Send less than 16 KiB of headers; usually it is the cookies.',
  internal_error: 'Report it with its `request_id`; the log line of that request says more.',
  provider_unavailable: 'Let the user try again later, or sign in by other means.',
  overloaded: 'Wait for `Retry-After` seconds and try again.',
  database_unavailable: 'Wait for `Retry-After` seconds and try again; the request may have been carried out.',
  shutting_down: 'Ask another instance.',
};

export function codeOnTheWire(code: ErrorCode): string {
  const entry: CatalogueEntry = errorCatalogue[code];
  return entry.code ?? code;
}

/** The words of RFC 6749 §5.2, RFC 6750 §3.1 and RFC 8707 §2: what rows for OAuth say in place of a code. */
export const oauthErrors = [
  'invalid_request',
  'invalid_client',
  'invalid_scope',
  'invalid_target',
  'unsupported_grant_type',
  'invalid_token',
  'insufficient_scope',
  'temporarily_unavailable',
  'server_error',
] as const;

export type OAuthError = (typeof oauthErrors)[number];

export type FieldError = { path: string; message: string };

type AppErrorOptions = {
  /** A sentence for people about this case; never parsed, never secret. */
  detail?: string;
  errors?: FieldError[];
  /** Members of this problem's own, beside the usual ones (RFC 9457 §3.2). */
  members?: Record<string, unknown>;
  /** What a row for OAuth says, where the code does not tell it. */
  oauth?: OAuthError;
  /** For 429 and 503: seconds until a retry makes sense; 1 by default. */
  retryAfterSeconds?: number;
  /** For 429: the limit that refuses. */
  limit?: { name: string; points: number; seconds: number };
  cause?: unknown;
};

/** The only error that the code throws on purpose; all others become `internal_error`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly members: Record<string, unknown> | undefined;
  readonly oauth: OAuthError | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly limit: AppErrorOptions['limit'];

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    // A refusal is no fault, and its stack is never read: a flood of refusals should not pay for stacks.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(options.detail ?? errorCatalogue[code].title, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.members = options.members;
    this.oauth = options.oauth;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.limit = options.limit;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }
}

/** A wrong set-up: the server does not start, and the operator reads the message. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}
