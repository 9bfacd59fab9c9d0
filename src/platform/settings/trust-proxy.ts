import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';

// A content delivery network, a load balancer, an ingress and a sidecar are four.
const mostHops = 5;

/**
 * `false`, a number of hops, or addresses. Never `true`, also not by another name: every client could then choose its
 * address.
 */
export const trustProxy = z.string().transform((text, context): false | number | string[] => {
  if (text === 'false') return false;
  if (/^\d$/.test(text) && Number(text) <= mostHops) return Number(text);
  const addresses = text.split(',').map((item) => item.trim());
  if (addresses.every(isProxy)) return addresses;
  context.addIssue(
    `false, a number of hops up to ${mostHops}, or a list of addresses and networks (never true, and no network larger than an IPv4 /8 or IPv6 /16)`,
  );
  return z.NEVER;
});

function isProxy(text: string): boolean {
  if (/^(loopback|linklocal|uniquelocal)$/.test(text)) return true;
  const [, address = '', prefix] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  if (isIP(address) === 0) return false;
  return prefix === undefined || isSmall(address, Number(prefix));
}

function isSmall(address: string, prefix: number): boolean {
  if (isIPv4(address)) return prefix >= 8 && prefix <= 32;
  // RFC 4193 and RFC 4291: no public address is in fc00::/7 or fe80::/10.
  if (/^(f[cd]..:.*\/([7-9]|1\d)|fe[89ab].:.*\/1\d)$/i.test(`${address}/${prefix}`)) return true;
  // In ::ffff:0:0/96 lie all IPv4 addresses.
  return prefix >= (address.startsWith('::') || /^0+:/.test(address) ? 104 : 16) && prefix <= 128;
}
