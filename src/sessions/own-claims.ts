import { StartError } from '../errors.js';
import type { ownClaims } from '../own/claims.js';
import { type PlainUser, plainUser, type ReadUser } from '../users/plain-user.js';

/** What own/claims.ts may give. */
export type MakeOwnClaims = (user: PlainUser) => Record<string, unknown>;

/** An adopter's claims as a token has them. One from before a release may lack some. */
export type OwnClaims = Readonly<Partial<ReturnType<typeof ownClaims>>>;

/** Together with all roles and permissions they must fit into a cookie. */
export const longestOwnClaims = 512;

const reserved = new Set([
  // RFC 7519 §4.1, RFC 7800 §3.1, RFC 8693 §4.
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'cnf', 'act', 'may_act'],
  // RFC 9068 §2.2, RFC 7643 §4.1.2, RFC 7662 §2.2.
  ...['client_id', 'auth_time', 'acr', 'amr', 'scope', 'roles', 'groups', 'entitlements'],
  ...['active', 'token_type', 'username'],
  // OpenID Connect Core §2, §3, §5.1, §5.6.2, and its logout.
  ...['azp', 'nonce', 'at_hash', 'c_hash', 'sub_jwk', '_claim_names', '_claim_sources', 'sid', 'events'],
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at'],
  // Ours, and the words that readers of tokens add to them.
  ...['ver', 'epoch', 'kid', 'kind', 'permissions', 'own', '__proto__'],
]);

/**
 * Own claims as a token has them: plain JSON, so that nothing of them, such as a `toJSON`, runs while a token is written.
 * @throws Error how they cannot be used, for the operator
 */
function plainClaims(made: unknown): OwnClaims {
  if (typeof made !== 'object' || made === null || Array.isArray(made) || made instanceof Promise)
    throw unusable('must return an object, and not wait for anything.');
  const json = JSON.stringify(made);
  const claims: unknown = JSON.parse(json ?? 'null');
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw unusable('gave something else than an object as JSON.');
  const taken = Object.keys(claims).find((name) => reserved.has(name));
  if (taken !== undefined)
    throw unusable(`gave the claim ${taken}, which has a meaning already. Give it another name.`);
  const bytes = Buffer.byteLength(json);
  if (bytes > longestOwnClaims)
    throw unusable(`gave ${bytes} bytes of JSON. At most ${longestOwnClaims} fit into a token.`);
  return claims as OwnClaims;
}

class UnusableClaims extends Error {}
const unusable = (how: string) => new UnusableClaims(`own/claims.ts ${how}`);

/** Makes the claims of a user. The error of what they may not be is for the log. */
export function checkedOwnClaims(make: MakeOwnClaims): (user: ReadUser) => OwnClaims {
  return (user) => {
    try {
      return plainClaims(make(plainUser(user)));
    } catch (error) {
      // Whatever it throws: an error of ours would be taken for a refusal of ours.
      throw error instanceof UnusableClaims ? error : new Error('own/claims.ts failed', { cause: error });
    }
  };
}

/** Those in the payload of a token that this server signed. */
export function ownClaimsIn(payload: object): OwnClaims {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !reserved.has(name))) as OwnClaims;
}

const someone: PlainUser = {
  id: '01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31',
  kind: 'person',
  username: 'someone',
  email: 'someone@example.com',
  emailVerified: true,
  roles: [],
  createdAt: new Date(0),
};

/** Asks for the claims of made-up users. @throws StartError if they may not be */
export function tryOwnClaims(make: MakeOwnClaims, roles: readonly string[]): void {
  const unnamed = { email: null, emailVerified: false };
  for (const user of [
    someone,
    { ...someone, roles },
    { ...someone, ...unnamed },
    { ...someone, ...unnamed, kind: 'service' } as const,
  ]) {
    tryOne(make, user);
  }
}

function tryOne(make: MakeOwnClaims, user: PlainUser): void {
  try {
    plainClaims(make(user));
  } catch (error) {
    if (error instanceof UnusableClaims) throw new StartError(error.message);
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(`own/claims.ts failed for a user who might be there: ${why}`);
  }
}
