import { SocketAddress } from 'node:net';

declare const brand: unique symbol;

/**
 * What counts as one address wherever something is counted, limited or takes turns: an IPv4 address in any notation, or
 * the network of an IPv6 address. A customer gets a whole /64 and must not have 2^64 attempts.
 */
export type AddressKey = string & { readonly [brand]: true };

/** @param address any notation of an IP address, or empty */
export function addressKey(address: string): AddressKey {
  return keyOf(address, 64);
}

/** Networks that one customer or one site may have beside a /64; none for IPv4. */
export const widerNetworks = [56, 48] as const;

export type Width = 64 | (typeof widerNetworks)[number];

/** @returns undefined if the address has no such network */
export function networkKey(address: string, width: Width): AddressKey | undefined {
  const key = keyOf(address, width);
  return key.endsWith(`/${width}`) ? key : undefined;
}

/** The networks that an address is in, from the widest on, and itself. */
export function networksAround(key: AddressKey): AddressKey[] {
  const address = key.split('/', 1)[0] ?? '';
  const wider = widerNetworks.toReversed().flatMap((width) => networkKey(address, width) ?? []);
  return [...wider, key];
}

/** The usual notation of an address, as it is stored and shown. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  const key = addressKey(address);
  if (!key.includes(':')) return key;
  return new SocketAddress({ address: address.split('%', 1)[0] ?? '', family: 'ipv6' }).address;
}

function keyOf(address: string, width: Width): AddressKey {
  if (!address.includes(':')) return address as AddressKey;
  const groups = groupsOf(address.split('%', 1)[0] ?? '');
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [6, 7].flatMap((index) => bytesOf(groups[index] ?? 0)).join('.') as AddressKey;
  const [a = 0, b = 0, c = 0, d = 0] = groups;
  const subnet = { 64: [d], 56: [d & 0xff00], 48: [] }[width];
  return `${[a, b, c, ...subnet].map((group) => group.toString(16)).join(':')}::/${width}` as AddressKey;
}

function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::').map((half) => (half === '' ? [] : half.split(':').flatMap(numbersOf)));
  if (tail === undefined) return [...head] as number[];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail] as number[];
}

/** A hexadecimal group, or the two groups of an IPv4 address at the end. */
function numbersOf(part: string): number[] {
  if (!part.includes('.')) return [Number.parseInt(part, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function bytesOf(group: number): number[] {
  return [group >> 8, group & 255];
}
