import { expect } from 'vitest';
import type { Row } from '../../src/endpoint.js';
import { codeOnTheWire, type ErrorCode, errorCatalogue, type OAuthError } from '../../src/errors.js';

/** A response, from supertest or from a socket. */
export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body?: unknown };

/** The headers of every response of the app (ASVS 3.2.1, 3.4). */
export const securityHeaders = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
};

/** Expects a refusal as the contract describes it: a body of RFC 9457, our headers, and no internal details. */
export function expectProblem(answer: Answer, code: ErrorCode): void {
  expect(answer.body, `${answer.status}`).toMatchObject({ code: codeOnTheWire(code) });
  expectSoundRefusal(answer);
}

/** The refusal of a row in the form that the row speaks. */
export function expectRefusal({ endpoint }: Row, answer: Answer, code: ErrorCode): void {
  const { status } = errorCatalogue[code];
  if (endpoint.form) expectOAuthError(answer, status, status === 401 ? 'invalid_token' : 'invalid_request');
  else expectProblem(answer, code);
}

/** Expects a refusal of RFC 6749 §5.2, with our headers and no internal details. */
export function expectOAuthError({ status, headers, body }: Answer, wanted: number, error: OAuthError): void {
  expect([status, body]).toEqual([
    wanted,
    {
      error,
      error_description: expect.stringMatching(/^[ !#-[\]-~]+\.$/),
      request_id: headers['x-request-id'],
    },
  ]);
  expect(headers).toMatchObject({ ...securityHeaders, 'cache-control': 'no-store' });
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  const challenge = error === 'invalid_client' ? /^Basic realm="gatelatch"$/ : /^Bearer realm="gatelatch"/;
  if (status === 401) expect(headers['www-authenticate']).toMatch(challenge);
  if (status === 503 || status === 429) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:|\.js:|Prisma|SELECT|at \w+ \(/);
}

/** {@link expectProblem} for any code. A response to HEAD has no body to check. */
export function expectSoundRefusal({ status, headers, body }: Answer, { head = false } = {}): void {
  expect(headers).toMatchObject({ ...securityHeaders, 'cache-control': 'no-store' });
  expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(headers['x-powered-by']).toBeUndefined();
  if (status === 401) expect(headers['www-authenticate']).toMatch(/^Bearer realm="gatelatch"/);
  if (status === 503) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  if (head) return;
  const problem = body as { code: string; errors?: unknown };
  const entry = (Object.keys(errorCatalogue) as ErrorCode[]).find(
    (code) => codeOnTheWire(code) === problem.code && errorCatalogue[code].status === status,
  );
  expect(entry, `${status} ${problem.code}`).toBeDefined();
  const { errors, ...rest } = problem;
  const own = ownMembers[problem.code] ?? [];
  expect(Object.fromEntries(Object.entries(rest).filter(([name]) => !own.includes(name)))).toEqual({
    type: `urn:gatelatch:problem:${problem.code}`,
    title: entry && errorCatalogue[entry].title,
    status,
    detail: expect.stringMatching(/^[^\n]+\.$/),
    code: problem.code,
    request_id: headers['x-request-id'],
  });
  if (problem.code === 'validation_failed') expectFieldErrors(errors);
  else expect(errors).toBeUndefined();
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:|\.js:|Prisma|SELECT|at \w+ \(/);
}

/** Members that a problem has besides the usual ones, by its code. */
const ownMembers: Record<string, string[]> = {
  forbidden: ['scope'],
  insufficient_user_authentication: ['acr_values', 'max_age'],
  second_factor_required: ['login_token', 'expires_in', 'methods'],
  link_required: ['link_token', 'expires_in'],
};

function expectFieldErrors(errors: unknown): void {
  expect(errors).toEqual(expect.arrayContaining([{ path: expect.any(String), message: expect.stringMatching(/./) }]));
}
