import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes, stringify as uuidText } from 'uuid';
import type { SigningKeys } from '../keys/signing-keys.js';

/** The content of a genuine refresh token. The nonce ties it to its session. */
export type RefreshToken = { keyId: string; sessionId: string; counter: number; nonce: Buffer };

// version (1) · key id (9) · session id (16) · counter (4) · nonce (16) · HMAC-SHA256 over all of it (32): 78 bytes, in
// base64url 104 characters without spare bits, so that a token has only one spelling.
const version = 1;
const at = { keyId: 1, sessionId: 10, counter: 26, nonce: 30, mac: 46, end: 78 };
const tokenPattern = /^[\w-]{104}$/;

/** 128 random bits for a new session (ASVS 7.2.3). */
export function newNonce(): Buffer {
  return randomBytes(16);
}

/** The first token of a session, and what its row stores. */
export function newRefreshToken(keys: SigningKeys, sessionId: string): { text: string; nonceHash: Uint8Array } {
  const nonce = newNonce();
  const text = sealRefreshToken(keys, { keyId: keys.active('refresh').kid, sessionId, counter: 0, nonce });
  return { text, nonceHash: nonceHash(nonce) };
}

/** What the session's row stores of the nonce. */
export function nonceHash(nonce: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(nonce).digest());
}

/** The same content gives the same token on every instance. @throws Error if this instance does not know the key */
export function sealRefreshToken(keys: SigningKeys, token: RefreshToken): string {
  const bytes = Buffer.alloc(at.end);
  bytes.writeUInt8(version, 0);
  bytes.write(token.keyId, at.keyId, 'base64url');
  bytes.set(uuidBytes(token.sessionId), at.sessionId);
  bytes.writeUInt32BE(token.counter, at.counter);
  bytes.set(token.nonce, at.nonce);
  const mac = macOf(keys, token.keyId, bytes);
  if (!mac) throw new Error(`Refresh key ${token.keyId} is not loaded`);
  bytes.set(mac, at.mac);
  return bytes.toString('base64url');
}

/** The content of a genuine token, else undefined: the MAC decides, without a query. */
export function openRefreshToken(keys: SigningKeys, text: string): RefreshToken | undefined {
  if (!tokenPattern.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  const keyId = bytes.toString('base64url', at.keyId, at.sessionId);
  const mac = macOf(keys, keyId, bytes);
  if (bytes[0] !== version || !mac || !timingSafeEqual(mac, bytes.subarray(at.mac))) return undefined;
  return {
    keyId,
    sessionId: uuidText(bytes.subarray(at.sessionId, at.counter)),
    counter: bytes.readUInt32BE(at.counter),
    nonce: bytes.subarray(at.nonce, at.mac),
  };
}

function macOf(keys: SigningKeys, keyId: string, bytes: Buffer): Buffer | undefined {
  const key = keys.find('refresh', keyId);
  return key && createHmac('sha256', key.privateKey).update(bytes.subarray(0, at.mac)).digest();
}
