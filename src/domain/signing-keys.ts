import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { Db, Transaction } from '../db/database.js';
import { StartError } from '../errors.js';
import type { SecretBox } from './secret-box.js';

export type AccessAlgorithm = 'ES256' | 'RS256' | 'HS256';

/** What a key is for. A key of one purpose opens nothing of another (RFC 8725 §3.12). */
export type KeyPurpose = 'access' | 'refresh' | 'device';

/** One key with the one algorithm that it may be used with (RFC 8725bis §3.1). */
export type SigningKey = {
  kid: string;
  purpose: KeyPurpose;
  algorithm: AccessAlgorithm;
  /** Signs; for symmetric keys also verifies. */
  privateKey: KeyObject;
  verifyKey: KeyObject;
  /** What the JWKS shows; undefined for symmetric keys, which are never shown. */
  publicJwk: JsonWebKey | undefined;
  activeAt: Date;
};

export type SigningKeys = {
  /** The key that signs now. */
  active(purpose: KeyPurpose): SigningKey;
  find(purpose: KeyPurpose, kid: string): SigningKey | undefined;
  /** The public keys as a JWK Set (RFC 7517 §5). */
  jwks(): { keys: JsonWebKey[] };
};

// Any number does, as long as nothing else in this database locks the same one.
const creationLock = 728_301_001;

/**
 * Loads the keys that all instances share and makes those that are missing, under a lock, so that instances
 * which start at once agree.
 * @throws StartError where `AUTH_SECRET` does not open them
 */
export async function loadSigningKeys(db: Db, box: SecretBox, algorithm: AccessAlgorithm): Promise<SigningKeys> {
  const wanted: [KeyPurpose, AccessAlgorithm][] = [
    ['access', algorithm],
    ['refresh', 'HS256'],
    ['device', 'HS256'],
  ];
  const missing = (keys: SigningKey[]) =>
    wanted.filter(([purpose, alg]) => !keys.some((key) => key.purpose === purpose && key.algorithm === alg));

  let keys = await readKeys(db, box);
  if (missing(keys).length > 0) {
    keys = await db.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${creationLock})`;
      for (const [purpose, alg] of missing(await readKeys(tx, box))) await createKey(tx, box, purpose, alg);
      return readKeys(tx, box);
    });
  }
  return keyRing(keys, algorithm);
}

function keyRing(keys: SigningKey[], algorithm: AccessAlgorithm): SigningKeys {
  const byId = new Map(keys.map((key) => [key.kid, key]));
  const newest = (purpose: KeyPurpose, alg: AccessAlgorithm) => {
    const key = keys.findLast((candidate) => candidate.purpose === purpose && candidate.algorithm === alg);
    if (!key) throw new Error(`No ${purpose} key`);
    return key;
  };
  const active = {
    access: newest('access', algorithm),
    refresh: newest('refresh', 'HS256'),
    device: newest('device', 'HS256'),
  };
  const publicKeys = keys.flatMap((key) => (key.purpose === 'access' && key.publicJwk ? [key.publicJwk] : []));
  return {
    active: (purpose) => active[purpose],
    find(purpose, kid) {
      const key = byId.get(kid);
      return key?.purpose === purpose ? key : undefined;
    },
    jwks: () => ({ keys: publicKeys }),
  };
}

async function readKeys(db: Db | Transaction, box: SecretBox): Promise<SigningKey[]> {
  const rows = await db.signingKey.findMany({ orderBy: [{ activeAt: 'asc' }, { id: 'asc' }] });
  return rows.map((row) => {
    const algorithm = row.algorithm as AccessAlgorithm;
    const plain = box.open(row.sealed, labelOf(row.id, row.purpose, row.algorithm));
    if (!plain)
      throw new StartError(
        'AUTH_SECRET does not open the signing keys in this database. Set the secret that it was started with (the embedded set-up keeps it in .data/auth-secret).',
      );
    return {
      kid: row.id,
      purpose: row.purpose as KeyPurpose,
      activeAt: row.activeAt,
      ...keyMaterial(algorithm, plain, row.id),
    };
  });
}

async function createKey(tx: Transaction, box: SecretBox, purpose: KeyPurpose, algorithm: AccessAlgorithm) {
  // Nine bytes: as random as a name needs to be, and twelve characters without padding in a refresh token.
  const kid = randomBytes(9).toString('base64url');
  const sealed = box.seal(newMaterial(algorithm), labelOf(kid, purpose, algorithm));
  await tx.signingKey.create({
    data: { id: kid, purpose, algorithm, sealed: new Uint8Array(sealed), activeAt: new Date() },
  });
}

/** Binds the sealed bytes to their row, so that a key can't be given another purpose by editing the table. */
function labelOf(kid: string, purpose: string, algorithm: string): string {
  return `signing key ${kid} ${purpose} ${algorithm}`;
}

function newMaterial(algorithm: AccessAlgorithm): Buffer {
  if (algorithm === 'HS256') return randomBytes(32);
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : // 3072 bits are worth 128 (NIST SP 800-57; ASVS 11.2.3).
        generateKeyPairSync('rsa', { modulusLength: 3072 });
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}

function keyMaterial(algorithm: AccessAlgorithm, plain: Buffer, kid: string) {
  if (algorithm === 'HS256') {
    const secret = createSecretKey(plain);
    return { algorithm, privateKey: secret, verifyKey: secret, publicJwk: undefined };
  }
  const privateKey = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
  const verifyKey = createPublicKey(privateKey);
  const publicJwk = { ...verifyKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
  return { algorithm, privateKey, verifyKey, publicJwk };
}
