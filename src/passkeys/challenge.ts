import { createHash, createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SigningKeys } from '../keys/signing-keys.js';

// key id (9) · expiry in seconds (4) · random (16) · HMAC-SHA256 over these and what it is for (32): 61 bytes.
const at = { expiry: 9, random: 13, mac: 29, end: 61 };

/** In seconds. A page that offers passkeys in its login form waits long. */
export const challengeTtl = 600;

/** An enrolment is of one user in one session, and ends with what ends everything else: see the epoch. */
export type EnrolmentUse = { userId: string; epoch: number; sessionId: string; userHandle: Uint8Array };

/** What a challenge is good for: any sign-in, second factor or step-up, or one enrolment. */
type ChallengeUse = 'sign-in' | EnrolmentUse;

/** A challenge of ours that is still good, unless it was used. */
export type Challenge = { text: string; hash: Uint8Array<ArrayBuffer>; expiresAt: Date };

/** Costs no row: only used ones are kept. */
export function newChallenge(keys: Pick<SigningKeys, 'active'>, use: ChallengeUse): string {
  const key = keys.active('challenge');
  const head = Buffer.alloc(at.mac);
  head.write(key.kid, 'base64url');
  head.writeUInt32BE(Math.floor(Date.now() / 1000) + challengeTtl, at.expiry);
  randomBytes(at.mac - at.random).copy(head, at.random);
  return Buffer.concat([head, macOf(key.privateKey, head, use)]).toString('base64url');
}

/**
 * @returns undefined if it is too old, not ours, or for something else
 * @throws if its key is unknown and cannot be looked up
 */
export async function readChallenge(
  keys: Pick<SigningKeys, 'lookUp'>,
  text: string,
  use: ChallengeUse,
): Promise<Challenge | undefined> {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== at.end || bytes.toString('base64url') !== text) return undefined;
  const expiresAt = new Date(bytes.readUInt32BE(at.expiry) * 1000);
  if (expiresAt.getTime() <= Date.now()) return undefined;
  // Another instance may have made a key that we do not know yet.
  const key = await keys.lookUp('challenge', bytes.toString('base64url', 0, at.expiry));
  if (!key || !timingSafeEqual(macOf(key.privateKey, bytes.subarray(0, at.mac), use), bytes.subarray(at.mac)))
    return undefined;
  return { text, hash: new Uint8Array(createHash('sha256').update(bytes).digest()), expiresAt };
}

function macOf(key: KeyObject, head: Buffer, use: ChallengeUse): Buffer {
  const bound =
    use === 'sign-in'
      ? [use]
      : ['enrolment', use.userId, use.epoch, use.sessionId, Buffer.from(use.userHandle).toString('base64url')];
  return createHmac('sha256', key).update(head).update(bound.join(' ')).digest();
}
