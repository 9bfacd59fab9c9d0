import { NIL } from 'uuid';
import { StartError } from '../errors.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import { roles } from '../permissions/permissions.js';
import { type AccessTokenSettings, signAccessToken } from './access-tokens.js';
import { longestOwnClaims } from './own-claims.js';

// RFC 6265 §6.1: browsers keep 4,096 bytes of a cookie. Its name and attributes take up to 200 of them.
const longestToken = 3_896;

// Of RS256; the next key may have another algorithm.
const longestSignature = 342;

/** @throws StartError if the access token of somebody with all roles and the most own claims does not fit into a cookie */
export function checkTokenSize(keys: SigningKeys, settings: AccessTokenSettings): void {
  const all = roles.map(({ name }) => name);
  const own = { x: 'x'.repeat(longestOwnClaims - '{"x":""}'.length) };
  const ids = { id: NIL, sessionId: NIL, version: 999_999, epoch: 999_999 };
  const signedIn = { amr: ['pwd', 'hwk', 'user', 'mfa', 'recovery'], acr: 'aal1' as const, authTime: new Date() };
  const token = signAccessToken(
    keys,
    settings,
    { ...ids, ...signedIn, roles: all, own },
    Math.floor(Date.now() / 1000),
  );
  const length = token.lastIndexOf('.') + 1 + longestSignature;
  if (length > longestToken)
    throw new StartError(
      `own/permissions.ts: with all roles and permissions, and ${longestOwnClaims} bytes of own claims, an access token has ${length} bytes; at most ${longestToken} fit into a cookie. Use fewer or shorter roles and permissions.`,
    );
}
