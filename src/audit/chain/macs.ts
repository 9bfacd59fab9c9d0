import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** A position in the chain and its MAC (hexadecimal), which covers everything before it. */
export type ChainEnd = { position: number; mac: string };

/** Where the chain begins (events up to the anchor are purged) and where it ends. */
export type ChainState = {
  anchor: ChainEnd;
  head: ChainEnd;
  /** Events before this time may have lost address and user agent. RFC 3339 with microseconds. */
  erasedBefore: string | null;
};

/** An event with the values as the database formats them, so that every reader computes the same MAC. */
export type EventFacts = {
  id: string;
  at: string;
  action: string;
  userId: string | null;
  actorId: string | null;
  detail: string;
};

export const chainStart: ChainEnd = { position: 0, mac: '0'.repeat(64) };

/** The MAC of an event. @param previous the MAC at the position before @param origin from {@link originHash} */
export function eventMac(
  key: KeyObject,
  previous: string,
  position: number,
  origin: string,
  facts: EventFacts,
): string {
  const { id, at, action, userId, actorId, detail } = facts;
  return macOf(key, ['event 1', previous, position, origin, id, at, action, userId, actorId, detail]);
}

/**
 * Replaces address and user agent in the MAC, so that they can be erased with their salt. Without a salt, an attacker
 * tries all IPv4 addresses in a minute.
 */
export function originHash(salt: string, ip: string | null, userAgent: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify(['origin 1', salt, ip, userAgent]))
    .digest('hex');
}

/** Without this MAC, an attacker who can write the table could move the beginning or the end of the chain. */
export function stateMac(key: KeyObject, { anchor, head, erasedBefore }: ChainState): string {
  return macOf(key, ['state 1', anchor.position, anchor.mac, head.position, head.mac, erasedBefore]);
}

export function sameMac(one: string | null, other: string): boolean {
  return one?.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

// A JSON list of strings and numbers has one reading only, so two different lists never share a MAC.
function macOf(key: KeyObject, values: (string | number | null)[]): string {
  return createHmac('sha256', key).update(JSON.stringify(values)).digest('hex');
}
