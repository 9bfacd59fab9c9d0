import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mostPublicKeyBytes } from '../second-factor/methods.js';
import type { Assertion, Enrolment } from './answers.js';
import { isFromOurPage } from './answers.js';
import type { PasskeyConfig } from './settings.js';

// Loaded on first use: who has no passkeys pays nothing for them.
const library = () => Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]);

type RelyingParty = Pick<PasskeyConfig, 'rpId' | 'origins'>;

type Bytes = Uint8Array<ArrayBuffer>;

/** COSE numbers of ES256, EdDSA and RS256, the preferred one first. */
export const algorithms = [-7, -8, -257];

/** What is kept of a passkey to check its answers. `synced` is undefined where an import did not tell. */
export type KeptKey = { publicKey: Uint8Array; userHandle: Uint8Array; synced: boolean | undefined };

/** A right answer: what the authenticator said of itself. */
export type Answered = { counter: number; synced: boolean };

/**
 * Whether the answer is the passkey's, by its user, on one of our pages.
 * @param kept undefined for an unknown passkey: then a decoy's key is tried, so that it takes as long
 */
export async function verifyAssertion(
  { rpId, origins }: RelyingParty,
  answer: Assertion,
  challenge: string,
  kept: KeptKey | undefined,
): Promise<Answered | undefined> {
  const [{ verifyAuthenticationResponse }, { decodeCredentialPublicKey }] = await library();
  const publicKey: Bytes = new Uint8Array(kept?.publicKey ?? decoyKey());
  try {
    if (!isUsable(decodeCredentialPublicKey(publicKey))) return undefined;
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { ...answer, response: definedOf(answer.response), clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origins,
      expectedRPID: rpId,
      // Its own rule of counters refuses also those that count nothing: see `isBehind`.
      credential: { id: answer.id, publicKey, counter: 0 },
      requireUserVerification: true,
    });
    const synced = authenticationInfo.credentialDeviceType === 'multiDevice';
    const userHandle = Buffer.from(answer.response.userHandle ?? '', 'base64url');
    if (!verified || !kept || !isFromOurPage(answer) || !userHandle.equals(kept.userHandle)) return undefined;
    // A passkey is either bound to its device or not, from its first day on (WebAuthn L3 §7.2).
    if (kept.synced !== undefined && kept.synced !== synced) return undefined;
    return { counter: authenticationInfo.newCounter, synced };
  } catch {
    return undefined;
  }
}

/** A new passkey as it is kept. */
export type NewPasskey = Answered & {
  credentialId: Bytes;
  publicKey: Bytes;
  aaguid: string;
  transports: string[];
};

/** The passkey that was made, if it was made on one of our pages, by a user who was verified. */
export async function verifyEnrolment(
  { rpId, origins }: RelyingParty,
  answer: Enrolment,
  challenge: string,
): Promise<NewPasskey | undefined> {
  const [{ verifyRegistrationResponse }, helpers] = await library();
  try {
    const attestation = helpers.decodeAttestationObject(bytesOf(answer.response.attestationObject));
    if (!isFromOurPage(answer) || !isUnattested(attestation)) return undefined;
    const { registrationInfo } = await verifyRegistrationResponse({
      response: { ...answer, response: { ...answer.response, transports: [] }, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origins,
      expectedRPID: rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: algorithms,
    });
    if (!registrationInfo || registrationInfo.credential.id !== answer.id) return undefined;
    const { credential, aaguid, credentialDeviceType } = registrationInfo;
    // A map may have members besides those of a key.
    if (credential.publicKey.length > mostPublicKeyBytes) return undefined;
    if (!isUsable(helpers.decodeCredentialPublicKey(credential.publicKey))) return undefined;
    return {
      credentialId: bytesOf(credential.id),
      publicKey: credential.publicKey,
      counter: credential.counter,
      synced: credentialDeviceType === 'multiDevice',
      aaguid,
      transports: answer.response.transports.filter((name) => knownTransports.includes(name)),
    };
  } catch {
    return undefined;
  }
}

const knownTransports = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'];

/**
 * We ask for no attestation, and get none, or one by the passkey itself. Any other would make the library follow URLs
 * of the certificates in it.
 */
function isUnattested(attestation: { get(key: 'fmt'): string; get(key: 'attStmt'): { get(key: 'x5c'): unknown } }) {
  const format = attestation.get('fmt');
  return format === 'none' || (format === 'packed' && attestation.get('attStmt').get('x5c') === undefined);
}

// RFC 9052 §7 and RFC 9053 §7: common parameters, then those of each type of key.
const cose = { type: 1, algorithm: 3, curve: -1, x: -2, y: -3, modulus: -1, exponent: -2 };

/** Whether it is a sound key of one of our algorithms: the library would take any curve and any size. */
function isUsable(key: unknown): boolean {
  const of = (name: keyof typeof cose) => (key as Map<number, unknown>).get(cose[name]);
  const text = (name: keyof typeof cose) => Buffer.from(of(name) as Uint8Array).toString('base64url');
  const is = (type: number, algorithm: number) => of('type') === type && of('algorithm') === algorithm;
  if (is(2, -7) && of('curve') === 1) return isPublicKey({ kty: 'EC', crv: 'P-256', x: text('x'), y: text('y') });
  if (is(1, -8) && of('curve') === 6) return isPublicKey({ kty: 'OKP', crv: 'Ed25519', x: text('x') });
  return is(3, -257) && isPublicKey({ kty: 'RSA', n: text('modulus'), e: text('exponent') });
}

function isPublicKey(jwk: { kty: string } & Record<string, string>): boolean {
  const { asymmetricKeyDetails: rsa } = createPublicKey({ format: 'jwk', key: jwk });
  if (jwk.kty !== 'RSA') return true;
  const { modulusLength = 0, publicExponent } = rsa ?? {};
  return modulusLength >= 2048 && modulusLength <= 4096 && publicExponent === 65_537n;
}

let decoy: Bytes | undefined;

/** Its private key is thrown away. */
function decoyKey(): Bytes {
  if (decoy) return decoy;
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  // A map of five: type EC2, ES256, P-256, x and y of 32 bytes.
  decoy = new Uint8Array(
    Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ]),
  );
  return decoy;
}

function definedOf({ userHandle, ...response }: Assertion['response']) {
  return { ...response, ...(userHandle ? { userHandle } : {}) };
}

function bytesOf(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
