import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createLookUp } from './look-up.js';

const lookUp = createLookUp();

/** A network that webhooks may reach though it is not public. */
export type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** @param text such as `10.0.0.0/8`, or a single address @returns undefined if it is neither */
export function networkOf(text: string): Network | undefined {
  const [address = '', bits] = text.split('/');
  // The library reads more than that, such as `10.0.0/8`.
  if (isIP(address) === 0) return undefined;
  const whole = bits === undefined ? `${address}/${isIP(address) === 4 ? 32 : 128}` : text;
  return ipaddr.isValidCIDR(whole) ? ipaddr.parseCIDR(whole) : undefined;
}

/**
 * Whether a webhook may reach an address: it is public unicast, or in one of the networks. An IPv4 address inside an IPv6
 * one (mapped, NAT64, 6to4, Teredo) is not public, so that none is written in two ways.
 */
export function isReachable(address: string, allowed: Network[]): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  return (
    isPublic(parsed) ||
    allowed.some(([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits))
  );
}

// The library takes `::7f00:1` for public, which is 127.0.0.1 in an IPv6 address of old (RFC 4291 §2.5.5.1).
const globalUnicast = ipaddr.parseCIDR('2000::/3');

// Azure's machines reach their host by it: it looks public and is not.
const azureHost = '168.63.129.16';

function isPublic(address: ReturnType<typeof ipaddr.parse>): boolean {
  if (address.toString() === azureHost) return false;
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(globalUnicast));
}

/** The address that a URL names by itself, whatever its spelling there. @returns undefined for a name */
export function literalAddress({ hostname }: URL): string | undefined {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) === 0 ? undefined : address;
}

/** The host has an address that webhooks may not reach. */
export class UnreachableAddress extends Error {
  constructor() {
    super('the address is not public, and WEBHOOK_ALLOW does not name its network');
    this.name = 'UnreachableAddress';
  }
}

/**
 * A look-up for `node:http`, which connects to what it answers: so a name cannot have one address when it is checked and
 * another one when it is used. One forbidden address refuses the name. Node asks it for names alone.
 */
export function lookupAmong(allowed: Network[]): LookupFunction {
  return (hostname, options, done) => {
    lookUp(hostname).then(
      (found) => {
        const [first] = found;
        if (!first) done(new Error('the name has no address'), '');
        else if (!found.every(({ address }) => isReachable(address, allowed))) done(new UnreachableAddress(), '');
        else if (options.all) done(null, found);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, ''),
    );
  };
}
