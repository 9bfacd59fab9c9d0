import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from 'node:crypto';

/**
 * A passkey in software, and the browser around it. It answers rightly, unless a test says what to get wrong: a real
 * authenticator can't be made to.
 */
export type Authenticator = {
  /** Of the passkey that was made last. */
  credentialId: string;
  userHandle: string;
  counter: number;
  create(options: CreationOptions, wrong?: Partial<Said>): EnrolmentAnswer;
  get(options: { challenge: string }, wrong?: Partial<Said>): AssertionAnswer;
};

type CreationOptions = { challenge: string; user: { id: string } };

type EnrolmentAnswer = {
  id: string;
  rawId: string;
  type: string;
  response: { clientDataJSON: string; attestationObject: string; transports?: string[] };
};

type AssertionAnswer = {
  id: string;
  rawId: string;
  type: string;
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle?: string };
};

export const flag = { up: 1, uv: 4, be: 8, bs: 16, at: 64, ed: 128 };

/** All that an answer says. */
type Said = {
  /** In the client data. */
  type: string;
  challenge: string;
  origin: string;
  crossOrigin: unknown;
  topOrigin: unknown;
  rpId: string;
  flags: number;
  counter: number;
  credentialId: string;
  /** Of the answer itself, where that differs from the signed one. */
  id: string;
  rawId: string;
  userHandle: string | undefined;
  /** Whose key signs. */
  key: KeyPair;
  /** Changes what is signed, after all else. */
  signed: (bytes: Buffer) => Buffer;
  signature: Buffer;
  /** In the attested key, instead of the algorithm's own. */
  publicKey: Map<number, unknown>;
  /** `self`: signed by the new passkey itself. */
  attestation: 'self' | { fmt: string; attStmt: Map<string, unknown> };
  aaguid: string;
};

type KeyPair = { privateKey: KeyObject; publicKey: KeyObject };

export type Algorithm = 'ES256' | 'EdDSA' | 'RS256';

type Kind = {
  origin?: string;
  rpId?: string;
  algorithm?: Algorithm;
  /** Whether it may go to the user's other devices. */
  synced?: boolean;
  /** Whether it counts its signatures, as keys in hardware do. */
  counts?: boolean;
};

export function createAuthenticator(kind: Kind = {}): Authenticator {
  const { origin = 'http://localhost:3000', rpId = 'localhost', algorithm = 'ES256', synced = true, counts } = kind;
  const backup = synced ? flag.be | flag.bs : 0;
  let key = newKey(algorithm);
  const authenticator = {
    credentialId: randomBytes(16).toString('base64url'),
    userHandle: randomBytes(16).toString('base64url'),
    counter: 0,
  };

  const facts = (challenge: string, type: string): Said => ({
    type,
    challenge,
    origin,
    crossOrigin: false,
    topOrigin: undefined,
    rpId,
    flags: flag.up | flag.uv | backup,
    counter: authenticator.counter,
    credentialId: authenticator.credentialId,
    id: authenticator.credentialId,
    rawId: authenticator.credentialId,
    userHandle: authenticator.userHandle,
    key,
    signed: (bytes) => bytes,
    signature: Buffer.alloc(0),
    publicKey: coseKey(key.publicKey, algorithm),
    attestation: { fmt: 'none', attStmt: new Map() },
    aaguid: '00'.repeat(16),
  });

  return Object.assign(authenticator, {
    create({ challenge, user }: CreationOptions, wrong: Partial<Said> = {}): EnrolmentAnswer {
      key = newKey(algorithm);
      authenticator.credentialId = wrong.credentialId ?? randomBytes(16).toString('base64url');
      authenticator.userHandle = user.id;
      const usual = facts(challenge, 'webauthn.create');
      const said = { ...usual, flags: usual.flags | flag.at, ...wrong };
      const credentialId = Buffer.from(said.credentialId, 'base64url');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(credentialId.length);
      const attested =
        said.flags & flag.at ? [Buffer.from(said.aaguid, 'hex'), length, credentialId, cbor(said.publicKey)] : [];
      const authData = Buffer.concat([authenticatorData(said), ...attested]);
      const client = clientData(said);
      const bySelf = () => signWith(key.privateKey, algorithm, overClient(authData, client));
      const { fmt, attStmt } =
        said.attestation === 'self'
          ? {
              fmt: 'packed',
              attStmt: new Map<string, unknown>([
                ['alg', said.publicKey.get(3)],
                ['sig', bySelf()],
              ]),
            }
          : said.attestation;
      const attestation = new Map<string, unknown>(Object.entries({ fmt, attStmt, authData }));
      return {
        id: said.id,
        rawId: said.rawId,
        type: 'public-key',
        response: {
          clientDataJSON: client.toString('base64url'),
          attestationObject: cbor(attestation).toString('base64url'),
          transports: ['internal'],
        },
      };
    },
    get({ challenge }: { challenge: string }, wrong: Partial<Said> = {}): AssertionAnswer {
      if (counts) authenticator.counter += 1;
      const said = { ...facts(challenge, 'webauthn.get'), ...wrong };
      const [authData, client] = [authenticatorData(said), clientData(said)];
      const signature =
        wrong.signature ?? signWith(said.key.privateKey, algorithm, said.signed(overClient(authData, client)));
      return {
        id: said.id,
        rawId: said.rawId,
        type: 'public-key',
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: authData.toString('base64url'),
          signature: signature.toString('base64url'),
          ...(said.userHandle === undefined ? {} : { userHandle: said.userHandle }),
        },
      };
    },
  });
}

/** What is signed (WebAuthn §6.3.3). */
function overClient(authData: Buffer, client: Buffer): Buffer {
  return Buffer.concat([authData, createHash('sha256').update(client).digest()]);
}

function clientData({ type, challenge, origin, crossOrigin, topOrigin }: Said): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin, topOrigin }));
}

function authenticatorData({ rpId, flags, counter }: Said): Buffer {
  const rest = Buffer.alloc(5);
  rest.writeUInt8(flags);
  rest.writeUInt32BE(counter, 1);
  return Buffer.concat([createHash('sha256').update(rpId).digest(), rest]);
}

export function newKey(algorithm: Algorithm, curve = 'P-256', modulusLength = 2048): KeyPair {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: curve });
  return algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength });
}

function signWith(key: KeyObject, algorithm: Algorithm, bytes: Buffer): Buffer {
  return sign(algorithm === 'EdDSA' ? null : 'sha256', bytes, key);
}

/** RFC 9053: the key as an authenticator tells it. */
export function coseKey(key: KeyObject, algorithm: Algorithm): Map<number, unknown> {
  const jwk = key.export({ format: 'jwk' });
  const bytes = (name: keyof JsonWebKey) => Buffer.from(String(jwk[name]), 'base64url');
  const curve = { 'P-256': 1, 'P-384': 2, Ed25519: 6 }[String(jwk.crv)];
  const members = {
    ES256: (): [number, unknown][] => [
      [1, 2],
      [3, -7],
      [-1, curve],
      [-2, bytes('x')],
      [-3, bytes('y')],
    ],
    EdDSA: (): [number, unknown][] => [
      [1, 1],
      [3, -8],
      [-1, curve],
      [-2, bytes('x')],
    ],
    RS256: (): [number, unknown][] => [
      [1, 3],
      [3, -257],
      [-1, bytes('n')],
      [-2, bytes('e')],
    ],
  };
  return new Map(members[algorithm]());
}

/** RFC 8949, as much of it as attestations need. */
export function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  if (value instanceof Map) return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
  throw new TypeError(`No CBOR for ${typeof value}`);
}

function head(type: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(type << 5) | count]);
  if (count < 256) return Buffer.from([(type << 5) | 24, count]);
  return Buffer.from([(type << 5) | 25, count >> 8, count & 255]);
}
