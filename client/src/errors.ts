import type { Problem } from './wire.js';

/** A refusal by the API, from its `application/problem+json` (RFC 9457). The message is for people. */
export class GatelatchError extends Error {
  override readonly name = 'GatelatchError';
  declare readonly status: number;
  /** For programs; `unexpected_response` if the answer was not the API's, for example a proxy's. */
  declare readonly code: Problem['code'] | 'unexpected_response';
  /** The operator finds the request in the log by this id. */
  declare readonly requestId: string | undefined;
  /** The wrong fields, if the code is `validation_failed`. */
  declare readonly errors: Problem['errors'];
  /** Seconds until a retry makes sense. */
  declare readonly retryAfter: number | undefined;
  /** The second factors that the user has, if the code is `second_factor_required`. */
  declare readonly methods: Problem['methods'];
  /** Stands for the first factor, if the code is `second_factor_required`; `Client.secondFactor` sends it. */
  declare readonly loginToken: string | undefined;
  /** Stands for the identity that waits for its user, if the code is `link_required`; `linkIdentity` sends it. */
  declare readonly linkToken: Problem['link_token'];

  constructor(response: Response, problem: Partial<Problem>) {
    super(problem.detail ?? `HTTP status ${response.status}`);
    this.status = response.status;
    this.code = problem.code ?? 'unexpected_response';
    this.requestId = problem.request_id;
    this.errors = problem.errors;
    this.retryAfter = Number(response.headers.get('Retry-After')) || undefined;
    this.methods = problem.methods;
    this.loginToken = problem.login_token;
    this.linkToken = problem.link_token;
  }
}

/** The content of a refusal; empty if it is not the API's. The response can still be read afterwards. */
export async function problemOf(response: Response): Promise<Partial<Problem>> {
  if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) return {};
  const problem = response.clone().json() as Promise<Partial<Problem>>;
  return problem.catch(() => ({}));
}
