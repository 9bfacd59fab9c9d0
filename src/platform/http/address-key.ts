import type { Request } from 'express';
import { addressOf } from './caller.js';

/**
 * Whose limits an address counts on: an IPv4 address, however it is written, for itself; an IPv6 address for its /64,
 * which is what one customer is given, so that nobody has 2^64 tries.
 * @param address as `addressOf` gives it: valid, or empty
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address.split('%', 1)[0] ?? '');
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [6, 7].flatMap((index) => bytesOf(groups[index] ?? 0)).join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** {@link addressKey} of where a request comes from. */
export function addressKeyOf(req: Request): string {
  return addressKey(addressOf(req));
}

/** The eight numbers of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::').map((half) => (half === '' ? [] : half.split(':').flatMap(numbersOf)));
  if (tail === undefined) return [...head] as number[];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail] as number[];
}

/** A group in hexadecimal, or the two groups that an IPv4 address at the end stands for. */
function numbersOf(part: string): number[] {
  if (!part.includes('.')) return [Number.parseInt(part, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function bytesOf(group: number): number[] {
  return [group >> 8, group & 255];
}
