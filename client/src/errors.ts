import type { Problem } from './wire.js';

/** The API's refusal of something, from its `application/problem+json` (RFC 9457). The message is for people. */
export class GatelatchError extends Error {
  override readonly name = 'GatelatchError';
  readonly status: number;
  /** What a program should look at; `unexpected_response` where the answer was not the API's own, as a proxy's is. */
  readonly code: Problem['code'] | 'unexpected_response';
  /** By this, the operator finds the request in the log. */
  readonly requestId: string | undefined;
  /** What is wrong with which field, where the code is `validation_failed`. */
  readonly errors: Problem['errors'];
  /** When it is worth asking again, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(response: Response, problem: Partial<Problem>) {
    super(problem.detail ?? `The server answered ${response.status}.`);
    this.status = response.status;
    this.code = problem.code ?? 'unexpected_response';
    this.requestId = problem.request_id;
    this.errors = problem.errors;
    this.retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  }
}

/** What a refusal says; empty where it is none of the API's. Leaves the response to be read by others. */
export async function problemOf(response: Response): Promise<Partial<Problem>> {
  if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) return {};
  return (await response
    .clone()
    .json()
    .catch(() => ({}))) as Partial<Problem>;
}
