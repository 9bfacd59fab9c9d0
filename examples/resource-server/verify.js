import { createRemoteJWKSet, jwtVerify } from 'jose';

/** What a client is told with 401. */
export class InvalidToken extends Error {}

/**
 * Checks access tokens by Gatelatch's public keys, which are fetched when they are first needed, when they are five
 * minutes old, and for a key that is not known yet.
 * @param {{ url: string, issuer: string, audience: string }} gatelatch where it is, and what its tokens say
 * @returns {(token: string) => Promise<import('jose').JWTPayload>} the claims (RFC 9068 §2.2)
 * @throws InvalidToken; any other error means that the keys could not be fetched
 */
export function createVerify({ url, issuer, audience }) {
  // A key is published for at least as long as it may be cached before it signs, so a rotation is never noticed.
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', url), { cacheMaxAge: 300_000 });
  const wanted = {
    issuer,
    audience,
    // The only one that Gatelatch signs with, unless `JWT_ALGORITHM` says otherwise: whoever sends a token has no say.
    algorithms: ['ES256'],
    // Not every JWT with a good signature opens doors (RFC 9068 §4).
    typ: 'at+jwt',
    requiredClaims: ['client_id', 'sub', 'sid', 'jti', 'roles', 'ver', 'iat', 'exp'],
    // None lives longer, and none comes from the future.
    maxTokenAge: '24h',
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, wanted);
      const { client_id: client, sub, roles } = payload;
      if (client === audience && typeof sub === 'string' && Array.isArray(roles)) return payload;
      throw new InvalidToken('The claims are not those of an access token.');
    } catch (error) {
      throw isAboutToken(error) ? new InvalidToken(error.message, { cause: error }) : error;
    }
  };
}

function isAboutToken(error) {
  return error instanceof InvalidToken || /^ERR_(JWT_|JWS_|JWKS_NO_|JWKS_MULTIPLE_|JOSE_ALG|JOSE_NOT)/.test(error.code);
}
