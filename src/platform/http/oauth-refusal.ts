import { type AppError, errorCatalogue, type OAuthError } from '../../errors.js';

/** The body of a refusal for OAuth (RFC 6749 §5.2). */
type OAuthRefusal = { error: OAuthError; error_description: string; request_id: string };

export function oauthRefusalOf(error: AppError, requestId: string): OAuthRefusal {
  const description = error.detail ?? `${errorCatalogue[error.code].title}.`;
  return { error: wordOf(error), error_description: inAscii(description), request_id: requestId };
}

/** Who shows no good secret or no good key hears of Basic; all others of bearer tokens. */
export function isOfClient(error: AppError): boolean {
  return error.oauth === 'invalid_client';
}

function wordOf({ status, oauth }: AppError): OAuthError {
  if (oauth !== undefined) return oauth;
  if (status === 401) return 'invalid_token';
  if (status === 403) return 'insufficient_scope';
  if (status === 429 || status === 503) return 'temporarily_unavailable';
  return status >= 500 ? 'server_error' : 'invalid_request';
}

/** RFC 6749 §5.2: neither quotes, backslashes nor other alphabets. */
function inAscii(text: string): string {
  return text.replace(/["\\]|[^ -~]/g, "'");
}
