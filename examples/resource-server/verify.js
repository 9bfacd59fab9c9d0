import { createRemoteJWKSet, jwtVerify } from 'jose';

/** The client gets 401 with this message. */
export class InvalidToken extends Error {}

/**
 * Checks access tokens with Gatelatch's public keys. It fetches them at first use, when they are five minutes old, and
 * for an unknown key.
 * @param {{ url: string, issuer: string, audience: string }} gatelatch where it is, and what its tokens say
 * @returns {(token: string) => Promise<import('jose').JWTPayload>} the claims (RFC 9068 §2.2)
 * @throws InvalidToken; any other error means that the keys could not be fetched
 */
export function createVerify({ url, issuer, audience }) {
  // Gatelatch publishes a key at least this long before it signs, so a rotation causes no failure.
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', url), { cacheMaxAge: 300_000 });
  const wanted = {
    issuer,
    audience,
    // Gatelatch's default `JWT_ALGORITHM`. Fixed here, so that the sender of a token cannot choose.
    algorithms: ['ES256'],
    // Other JWTs with a good signature are no access tokens (RFC 9068 §4).
    typ: 'at+jwt',
    requiredClaims: ['client_id', 'sub', 'sid', 'jti', 'roles', 'ver', 'iat', 'exp'],
    // No token lives longer, and none is from the future.
    maxTokenAge: '24h',
  };
  return async (token) => {
    try {
      if (!hasOneSpelling(token)) throw new InvalidToken('The signature is not written in canonical base64url.');
      const { payload } = await jwtVerify(token, keys, wanted);
      const { client_id: client, sub, roles } = payload;
      if (client === audience && typeof sub === 'string' && Array.isArray(roles)) return payload;
      throw new InvalidToken('The claims are not those of an access token.');
    } catch (error) {
      throw isAboutToken(error) ? new InvalidToken(error.message, { cause: error }) : error;
    }
  };
}

// The unused bits of the last character are 0 (RFC 4648 §3.5), or one token would have several spellings.
function hasOneSpelling(token) {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

function isAboutToken(error) {
  return error instanceof InvalidToken || /^ERR_(JWT_|JWS_|JWKS_NO_|JWKS_MULTIPLE_|JOSE_ALG|JOSE_NOT)/.test(error.code);
}
