/** The refusals of Gatelatch that a service can give, and one of its own for what cannot be known. */
const refusals = {
  invalid_request: { status: 400, title: 'The request is malformed' },
  unauthenticated: { status: 401, title: 'No token was presented' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  token_expired: { status: 401, title: 'The access token has expired' },
  token_stale: { status: 401, title: 'The access token is older than a change of roles' },
  session_revoked: { status: 401, title: 'The session has ended' },
  api_key_revoked: { status: 401, title: 'The API key has ended' },
  csrf_rejected: { status: 403, title: 'A cross-site request may not use cookies here' },
  forbidden: { status: 403, title: 'This needs a permission or a role that you do not have' },
  temporarily_unavailable: { status: 503, title: 'The token cannot be checked right now' },
} as const;

export type RefusalCode = keyof typeof refusals;

/** The body of a refusal (RFC 9457), as Gatelatch writes it. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  [member: string]: unknown;
};

type Details = {
  detail?: string;
  /** The permission that is lacking. */
  scope?: string;
  /** Seconds. */
  retryAfter?: number;
  cause?: unknown;
};

/** Why a request is refused. Branch on `code`; `detail` is for people and never has a secret. */
export class TokenError extends Error {
  readonly code: RefusalCode;
  readonly status: number;
  readonly detail: string;
  /** The permission that is lacking, where it is that. */
  readonly scope: string | undefined;
  /** Seconds until another try makes sense, where it does. */
  readonly retryAfter: number | undefined;
  /** The value of `WWW-Authenticate` (RFC 6750 §3), where there is one. */
  challenge: string | undefined;

  constructor(code: RefusalCode, { detail, scope, retryAfter, cause }: Details = {}) {
    const { status, title } = refusals[code];
    // A refusal is no fault: a flood of refusals should not pay for stacks.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail ?? `${title}.`, { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'TokenError';
    this.code = code;
    this.status = status;
    this.detail = detail ?? `${title}.`;
    this.scope = scope;
    this.retryAfter = retryAfter ?? (status === 503 ? 1 : undefined);
    this.challenge = challengeOf(code, scope, 'gatelatch');
  }

  /** What an answer needs beside status and body. */
  get headers(): Record<string, string> {
    return {
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Cache-Control': 'no-store',
      ...(this.challenge !== undefined && { 'WWW-Authenticate': this.challenge }),
      ...(this.retryAfter !== undefined && { 'Retry-After': String(this.retryAfter) }),
    };
  }

  /** The body of the answer. */
  problem(requestId: string): Problem {
    const { code, status, detail, scope } = this;
    return {
      type: `urn:gatelatch:problem:${code}`,
      title: refusals[code].title,
      status,
      detail,
      code,
      request_id: requestId,
      ...(scope !== undefined && { scope }),
    };
  }
}

/** The same refusal under another realm. */
export function inRealm(error: TokenError, realm: string): TokenError {
  error.challenge = challengeOf(error.code, error.scope, realm);
  return error;
}

// RFC 6750 §3: without a token the challenge has no error.
function challengeOf(code: RefusalCode, scope: string | undefined, realm: string): string | undefined {
  const { status, title } = refusals[code];
  const head = `Bearer realm="${realm}"`;
  if (code === 'unauthenticated') return head;
  const lacking = scope === undefined ? '' : `, scope="${scope}"`;
  if (code === 'forbidden') return `${head}, error="insufficient_scope", error_description="${title}"${lacking}`;
  return status === 401 ? `${head}, error="invalid_token", error_description="${title}"` : undefined;
}
