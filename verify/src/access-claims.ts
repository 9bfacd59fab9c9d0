/** What is known of who asks. It cannot be changed: requests with one token share it. */
export type AccessClaims = {
  readonly iss: string;
  readonly aud: string;
  /** The user's id. */
  readonly sub: string;
  readonly client_id: string;
  /** The id of the session, or of the API key. */
  readonly sid: string;
  readonly jti: string;
  /** As of when the token was signed. A change of roles makes it `token_stale`. */
  readonly roles: readonly string[];
  /** The permissions, with one space between. */
  readonly scope?: string;
  readonly ver: number;
  readonly epoch?: number;
  /** Seconds since 1970. */
  readonly iat: number;
  /** Seconds since 1970. An API key without an end has none. */
  readonly exp?: number;
  /** How the user signed in, and when (RFC 8176, RFC 9470); tokens of API keys have none of these. */
  readonly amr?: readonly string[];
  readonly acr?: string;
  readonly auth_time?: number;
  /** Whether a session is behind it, or an API key or a token that was made from one. */
  readonly kind: 'session' | 'api_key';
  /** What stands in `scope`. */
  readonly permissions: readonly string[];
  /** Claims of your own. */
  readonly [claim: string]: unknown;
};
