import type { AnyRoute, Guard } from '../../endpoint.js';
import { type ErrorCode, errorCatalogue } from '../../errors.js';

const presentedToken: ErrorCode[] = [
  'unauthenticated',
  'invalid_token',
  'token_expired',
  'token_stale',
  'session_revoked',
];

const byGuard: Record<Guard, ErrorCode[]> = {
  public: [],
  password: ['invalid_credentials'],
  'access-token': presentedToken,
  'any-access-token': ['unauthenticated', 'invalid_token'],
  'optional-access-token': presentedToken,
  'metrics-token': ['unauthenticated', 'invalid_token'],
};

const byBody: ErrorCode[] = ['invalid_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed'];

// Whatever is asked for. A request of more than one address' share, one that is hardly HTTP, and a bug of ours.
const byServer: ErrorCode[] = ['invalid_request', 'rate_limited', 'header_fields_too_large', 'internal_error'];

/**
 * Every refusal that a row can answer: its own, and those of the steps that `mount.ts` puts before its handler.
 * In the order of the catalogue, each once.
 */
export function refusalsOf(row: AnyRoute): ErrorCode[] {
  const found = new Set<ErrorCode>([
    ...row.errors,
    ...byGuard[row.guard as Guard],
    ...byServer,
    ...(row.body ? byBody : []),
    ...(row.query ? (['validation_failed'] as const) : []),
    ...(row.role === undefined ? [] : (['forbidden'] as const)),
    ...(row.verifiedEmail ? (['email_unverified'] as const) : []),
    ...(row.path.includes('{id}') ? (['not_found'] as const) : []),
    ...(row.method === 'GET' ? [] : (['csrf_rejected'] as const)),
    // A limit waits for its store, though not for long.
    ...(row.limit === undefined ? [] : (['overloaded'] as const)),
    // Also a live token may need a look, while the feed of revocations is down.
    ...(row.guard === 'public' && !row.body ? [] : (['database_unavailable'] as const)),
  ]);
  return (Object.keys(errorCatalogue) as ErrorCode[]).filter((code) => found.has(code));
}
