import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { promisify } from 'node:util';

const makeKeyPair = promisify(generateKeyPair);

export type KeyAlgorithm = 'ES256' | 'RS256' | 'HS256';

/** `A256GCM` is what a data key was first stored as. */
export type StoredAlgorithm = KeyAlgorithm | 'A256GCM';

export type KeyMaterial = {
  /** Signs; a symmetric key also verifies. */
  privateKey: KeyObject;
  verifyKey: KeyObject;
  /** What the JWKS shows; undefined for symmetric keys, which stay secret. */
  publicJwk: JsonWebKey | undefined;
};

/** New random key material, as it is sealed: PKCS #8 in DER, or 32 bytes for HS256. */
export async function newKeyMaterial(algorithm: KeyAlgorithm): Promise<Buffer> {
  if (algorithm === 'HS256') return randomBytes(32);
  const { privateKey } =
    algorithm === 'ES256'
      ? await makeKeyPair('ec', { namedCurve: 'P-256' })
      : // 3072 bits are worth 128 (NIST SP 800-57; ASVS 11.2.3). They take up to seconds: not on the event loop.
        await makeKeyPair('rsa', { modulusLength: 3072 });
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}

export function readKeyMaterial(algorithm: StoredAlgorithm, plain: Buffer, kid: string): KeyMaterial {
  if (algorithm === 'HS256' || algorithm === 'A256GCM') {
    const secret = createSecretKey(plain);
    return { privateKey: secret, verifyKey: secret, publicJwk: undefined };
  }
  const privateKey = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
  const verifyKey = createPublicKey(privateKey);
  return {
    privateKey,
    verifyKey,
    publicJwk: { ...verifyKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
  };
}
