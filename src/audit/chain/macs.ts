import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** A place in the chain and the MAC there, which vouches for all that is before it. MACs are in hexadecimal. */
export type ChainEnd = { position: number; mac: string };

/** Where the chain begins (up to the anchor all has been purged) and where it ends. */
export type ChainState = {
  anchor: ChainEnd;
  head: ChainEnd;
  /** Events before this moment may have lost their addresses and user agents; RFC 3339, to the microsecond. */
  erasedBefore: string | null;
};

/** An event as the database writes its values, so that every reader makes the same MAC of it. */
export type EventFacts = {
  id: string;
  at: string;
  action: string;
  userId: string | null;
  actorId: string | null;
  detail: string;
};

/** What stands before the first event. */
export const chainStart: ChainEnd = { position: 0, mac: '0'.repeat(64) };

/**
 * The MAC of the event at a position.
 * @param previous the MAC of the position before
 * @param origin what {@link originHash} makes of address and user agent
 */
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
 * What stands for address and user agent in the MAC, so that they can be erased. With the salt erased too, the hash
 * tells nothing: without one, all IPv4 addresses are tried in a minute.
 */
export function originHash(salt: string, ip: string | null, userAgent: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify(['origin 1', salt, ip, userAgent]))
    .digest('hex');
}

/** The MAC of the chain's state, without which whoever can write the table could say that it begins later or ends sooner. */
export function stateMac(key: KeyObject, { anchor, head, erasedBefore }: ChainState): string {
  return macOf(key, ['state 1', anchor.position, anchor.mac, head.position, head.mac, erasedBefore]);
}

export function sameMac(one: string | null, other: string): boolean {
  return one?.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

// JSON of a list of texts and numbers can be read in one way only, so no two lists have the same MAC.
function macOf(key: KeyObject, values: (string | number | null)[]): string {
  return createHmac('sha256', key).update(JSON.stringify(values)).digest('hex');
}
