import type { oas31 } from 'zod-openapi';
import type { ErrorCode } from '../../errors.js';
import type { BaseDeps, ReplyHeader, Row } from '../http/endpoint.js';

type Headers = Record<string, oas31.ReferenceObject>;

export const headers: Record<string, oas31.HeaderObject> = {
  'X-Request-Id': {
    description: 'The `request_id` of this request’s log line and of its problem.',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  },
  'RateLimit-Policy': text('The limits of this route: how many, in how many seconds.', '"login_address";q=50;w=900'),
  RateLimit: text('What is left of them, and for how many seconds.', '"login_address";r=49;t=900'),
  'Retry-After': {
    description: 'Seconds until a retry makes sense.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
  'WWW-Authenticate': {
    ...text('How to authenticate (RFC 6750).', 'Bearer realm="gatelatch"'),
    required: true,
  },
  'WWW-Authenticate-Forbidden': text(
    'Only with `forbidden` (RFC 6750).',
    'Bearer realm="gatelatch", error="insufficient_scope", scope="users:read"',
  ),
  'Set-Cookie': text(
    'With the transport `cookie`: sets or clears the tokens. All are `HttpOnly`.',
    'access_token=eyJhbGciOiJFUzI1NiJ9…; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax',
  ),
  Location: text('The path of the new resource.', '/todos/01a203a4-7c1e-7d3b-9a52-3f0c6c1f2a10'),
  ETag: text('Send it as `If-None-Match` to hear 304 while nothing has changed.', '"q3VZ0m2l8cP1xw9aT5Yd7A"'),
  'Content-Disposition': text('The name of the file for browsers.', 'attachment; filename="gatelatch-export.json"'),
} satisfies Record<ReplyHeader, unknown> & Record<string, oas31.HeaderObject>;

function text(description: string, example: string): oas31.HeaderObject {
  return { description, schema: { type: 'string' }, example };
}

export function replyHeaders<Deps extends BaseDeps>(row: Row<Deps>): Headers {
  const limits = row.limits.length === 0 ? [] : ['RateLimit-Policy', 'RateLimit'];
  const etag = row.endpoint.etag ? ['ETag'] : [];
  return references(['X-Request-Id', ...limits, ...etag, ...(row.endpoint.headers ?? [])]);
}

export function problemHeaders(status: number, codes: ErrorCode[]): Headers {
  const own = references([
    'X-Request-Id',
    // Every refusal shows the limits of its route.
    'RateLimit-Policy',
    'RateLimit',
    ...(status === 400 ? ['Set-Cookie'] : []),
    ...(status === 429 || status === 503 ? ['Retry-After'] : []),
    ...(status === 401 ? ['WWW-Authenticate'] : []),
  ]);
  if (!codes.includes('forbidden')) return own;
  // Other refusals of this status have none.
  return { ...own, 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate-Forbidden' } };
}

function references(names: string[]): Headers {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
