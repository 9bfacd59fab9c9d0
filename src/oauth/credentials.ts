import type { Request } from 'express';
import { AppError } from '../errors.js';
import { decodeForm } from '../platform/http/form.js';

/** What a client shows: its owner's id, and one of the owner's keys. */
export type ShownClient = { id: string; key: string };

/** One answer, whatever is wrong (RFC 6749 §5.2). */
export function invalidClient(detail = 'The client or its secret is wrong.'): AppError {
  return new AppError('invalid_credentials', { oauth: 'invalid_client', detail });
}

/** By `client_secret_basic` (RFC 6749 §2.3.1): both parts are encoded as in a form. @throws AppError if malformed */
export function basicClient({ headers }: Request): ShownClient | undefined {
  const [, encoded] = /^basic(?: +(.*))?$/i.exec(headers.authorization ?? '') ?? [];
  if (!/^basic\b/i.test(headers.authorization ?? '')) return undefined;
  const [, id, key] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  if (!id || !key) throw invalidClient();
  try {
    return { id: decodeForm(id), key: decodeForm(key) };
  } catch {
    throw invalidClient();
  }
}

type ClientFields = { client_id?: string | undefined; client_secret?: string | undefined };

/** By one of the two ways, not by both (RFC 6749 §2.3). @throws AppError */
export function shownClient(req: Request): ShownClient {
  const { client_id: id, client_secret: key }: ClientFields = req.body;
  const basic = basicClient(req);
  if (basic && (key !== undefined || (id !== undefined && id !== basic.id)))
    throw new AppError('invalid_request', { detail: 'Send the client in the header or in the body, not in both.' });
  if (basic) return basic;
  if (id === undefined || key === undefined) throw invalidClient('Send client_id and client_secret.');
  return { id, key };
}
