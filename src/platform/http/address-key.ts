import type { Request } from 'express';
import { addressOf } from './caller.js';

/**
 * The key under which an address is counted: an IPv4 address in any notation, or the /64 of an IPv6 address: a customer
 * gets a whole /64 and must not have 2^64 attempts.
 * @param address from `addressOf`
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

export function addressKeyOf(req: Request): string {
  return addressKey(addressOf(req));
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
