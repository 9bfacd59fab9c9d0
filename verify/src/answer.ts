import { randomUUID } from 'node:crypto';
import type { TokenError } from './refusals.js';

/** What is used of a response: one of Node, Express, or anything alike. */
export type Answer = {
  statusCode: number;
  readonly headersSent: boolean;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
};

/** Sends a refusal as Gatelatch does: problem+json (RFC 9457), its challenge, and `X-Request-Id`. */
export function sendRefusal(answer: Answer, error: TokenError): void {
  const given = answer.getHeader('X-Request-Id');
  const requestId = typeof given === 'string' && given !== '' ? given : randomUUID();
  answer.statusCode = error.status;
  for (const [name, value] of Object.entries({ ...error.headers, 'X-Request-Id': requestId }))
    answer.setHeader(name, value);
  answer.end(JSON.stringify(error.problem(requestId)));
}
