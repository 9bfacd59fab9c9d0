// What a browser posts of a passkey, as much of it as bench/oracle.mjs needs.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

export const origin = 'http://localhost:3000';
const rpId = 'localhost';
const present = 1;
const verified = 4;
const synced = 8 | 16;

// Of no passkey: what it signs is wrong.
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** An answer in the right form, with a wrong signature. */
export function wrongAnswer({ challenge, credentialId, userHandle }) {
  const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }));
  const data = Buffer.concat([sha256(rpId), Buffer.of(present | verified | synced, 0, 0, 0, 0)]);
  const signature = sign('sha256', Buffer.concat([data, sha256(client)]), privateKey);
  return {
    id: credentialId,
    rawId: credentialId,
    type: 'public-key',
    response: {
      clientDataJSON: client.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle,
    },
  };
}

/** A row of a passkey, but for its user. */
export function newPasskey(credentialId, userHandle) {
  const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  return {
    name: 'Passkey',
    credentialId: Buffer.from(credentialId, 'base64url'),
    userHandle: Buffer.from(userHandle, 'base64url'),
    // COSE: a map of five, type EC2, ES256, P-256, x and y of 32 bytes.
    publicKey: Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ]),
    counter: 0n,
    rpId,
    transports: ['internal'],
    synced: true,
  };
}
