import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse as uuidBytes } from 'uuid';
import type { SigningKeys } from '../keys/signing-keys.js';

// key id (9) · device id (16) · HMAC-SHA256 over both, the user's id and epoch (32): 57 bytes, 76 characters.
const at = { deviceId: 9, mac: 25, end: 57 };
const tokenPattern = /^[\w-]{76}$/;

/** Whom a device is known to, and until when: the end of everything, such as a reset, makes it unknown. */
type DeviceOwner = { id: string; epoch: number };

/**
 * The presented token if it is genuine and this user's, else a new one. It opens nothing: it only says that this user
 * has signed in on this device before.
 */
export function deviceTokenFor(keys: SigningKeys, owner: DeviceOwner, presented?: string): string {
  if (presented !== undefined && deviceIdOf(keys, owner, presented)) return presented;
  const key = keys.active('device');
  const head = Buffer.concat([Buffer.from(key.kid, 'base64url'), randomBytes(16)]);
  return Buffer.concat([head, macOf(key.privateKey, head, owner)]).toString('base64url');
}

export function isDeviceToken(keys: SigningKeys, token: string): boolean {
  return tokenPattern.test(token) && keys.find('device', keyIdOf(Buffer.from(token, 'base64url'))) !== undefined;
}

/** The id of the user's device; undefined if there is no token, or it is forged, another user's or void. */
export function deviceIdOf(keys: SigningKeys, owner: DeviceOwner, token: string | undefined): string | undefined {
  if (token === undefined || !tokenPattern.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const key = keys.find('device', keyIdOf(bytes));
  if (!key || !timingSafeEqual(macOf(key.privateKey, bytes.subarray(0, at.mac), owner), bytes.subarray(at.mac)))
    return undefined;
  return bytes.toString('base64url', at.deviceId, at.mac);
}

function keyIdOf(token: Buffer): string {
  return token.toString('base64url', 0, at.deviceId);
}

function macOf(key: Parameters<typeof createHmac>[1], head: Buffer, { id, epoch }: DeviceOwner): Buffer {
  const mac = createHmac('sha256', key).update(head).update(uuidBytes(id));
  // Tokens of older releases have no epoch; they are good until the first one.
  return epoch === 0 ? mac.digest() : mac.update(epochBytes(epoch)).digest();
}

function epochBytes(epoch: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(epoch);
  return bytes;
}
