import { type ErrorCode, errorCatalogue } from '../../errors.js';
import type { BaseDeps, Row } from '../http/endpoint.js';
import { tokenRefusalsOf } from '../http/tokens-of-row.js';

const byBody: ErrorCode[] = ['invalid_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed'];

const byForm: ErrorCode[] = ['payload_too_large', 'unsupported_media_type'];

// Possible for every request: a flood from its address, broken HTTP, our bug.
const byServer: ErrorCode[] = ['invalid_request', 'rate_limited', 'header_fields_too_large', 'internal_error'];

/** Every refusal of a row: its own and those of the steps in `mount.ts`, in the order of the catalogue. */
export function refusalsOf<Deps extends BaseDeps>(row: Row<Deps>): ErrorCode[] {
  const { body, query, form, errors = [] } = row.endpoint;
  const found = new Set<ErrorCode>([
    ...errors,
    ...tokenRefusalsOf(row),
    ...byServer,
    ...(body ? (form ? byForm : byBody) : []),
    ...(query ? (['validation_failed'] as const) : []),
    ...(row.acr === undefined && row.maxAge === undefined ? [] : (['insufficient_user_authentication'] as const)),
    ...(row.path.includes('{id}') ? (['not_found'] as const) : []),
    ...(row.method === 'GET' || row.guard.ignoresCookies ? [] : (['csrf_rejected'] as const)),
    // A limit waits for its store, but not for long.
    ...(row.limits.length === 0 ? [] : (['overloaded'] as const)),
    // A live token needs the database too while revocations are out of date.
    ...(row.guard.refusals.length === 0 && !body ? [] : (['database_unavailable'] as const)),
  ]);
  return (Object.keys(errorCatalogue) as ErrorCode[]).filter((code) => found.has(code));
}
