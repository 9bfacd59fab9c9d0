import jwt from 'jsonwebtoken';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Entries } from './entries.js';

/** How long a list says something, in seconds. */
const listLife = 30;

type Statement = Entries & {
  iss: string;
  seq: string;
  /** False adds to what was known. */
  complete: boolean;
  /** The keys that are good now: a token of another one is refused. */
  keys: string[];
};

/** A list as services fetch it: a JWS of its own type, so that no token is taken for it (RFC 8725 §3.11). */
export function signList(keys: SigningKeys, statement: Statement, issuedAt: number): string {
  const key = keys.active('access');
  return jwt.sign({ ...statement, iat: issuedAt, exp: issuedAt + listLife }, key.privateKey, {
    algorithm: key.algorithm as jwt.Algorithm,
    header: { alg: key.algorithm, typ: 'revocations+jwt', kid: key.kid },
  });
}
