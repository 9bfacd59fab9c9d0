import { describe, expect, it, vi } from 'vitest';
import { startAppForTest } from '../../support/app.js';

const here = /^(127\.0\.0\.1|::1)$/;

/** The address in the log for a request with this X-Forwarded-For. */
async function addressSeen(trustProxy: string, forwarded: string): Promise<string> {
  const app = await startAppForTest({ TRUST_PROXY: trustProxy });
  await app.http.get('/healthz').set('X-Forwarded-For', forwarded).expect(200);
  return vi.waitFor(() => {
    const [line] = app.logs.filter(({ msg }) => msg === 'request');
    expect(line).toBeDefined();
    return String(line?.ip);
  });
}

describe('The address of a client', () => {
  it('is the address of the connection with TRUST_PROXY=false, and X-Forwarded-For is ignored', async () => {
    expect(await addressSeen('false', '203.0.113.7')).toMatch(here);
  });

  it('is the last one in X-Forwarded-For with TRUST_PROXY=1, because earlier ones come from the client', async () => {
    expect(await addressSeen('1', '198.51.100.66, 203.0.113.7')).toBe('203.0.113.7');
  });

  it('is the one before the last with TRUST_PROXY=2', async () => {
    expect(await addressSeen('2', '198.51.100.66, 203.0.113.7, 10.0.0.1')).toBe('203.0.113.7');
  });

  it('is the last one that is not a trusted proxy, if proxies are trusted by address', async () => {
    expect(await addressSeen('loopback, 10.0.0.0/8', '198.51.100.66, 203.0.113.7, 10.0.0.1')).toBe('203.0.113.7');
  });

  it('is the same if the trusted proxies are written with a port', async () => {
    for (const list of ['198.51.100.66, 203.0.113.7:4711, 10.0.0.1:555', '203.0.113.7, [2001:db8::1]:443, 10.0.0.1'])
      expect(await addressSeen('loopback, 10.0.0.0/8, 2001:db8::1', list)).toBe('203.0.113.7');
    expect(await addressSeen('2', '198.51.100.66, 203.0.113.7:1, 10.0.0.1:555')).toBe('203.0.113.7');
    expect(await addressSeen('loopback', '198.51.100.66, 10.0.0.1:555')).toBe('10.0.0.1');
  });

  it('is the address of the connection if only other addresses are trusted', async () => {
    expect(await addressSeen('10.0.0.0/8', '203.0.113.7')).toMatch(here);
  });

  it('is written without the ::ffff: prefix of IPv4 addresses on IPv6 sockets', async () => {
    for (const mapped of ['::ffff:203.0.113.7', '::FFFF:203.0.113.7'])
      expect(await addressSeen('1', mapped)).toBe('203.0.113.7');
    expect(await addressSeen('1', '2001:db8::7')).toBe('2001:db8::7');
  });

  it('is written in one way, whichever way a proxy writes it', async () => {
    for (const written of ['2001:DB8:0:0:0:0:0:7', '2001:0db8::0007', '2001:db8::7%eth0'])
      expect(await addressSeen('1', written)).toBe('2001:db8::7');
    expect(await addressSeen('1', '::ffff:cb00:7107')).toBe('203.0.113.7');
  });

  it('is written without the port that some proxies add', async () => {
    expect(await addressSeen('1', '203.0.113.7:4711')).toBe('203.0.113.7');
    expect(await addressSeen('1', '[2001:db8::7]:4711')).toBe('2001:db8::7');
    expect(await addressSeen('1', '[2001:db8::7]')).toBe('2001:db8::7');
  });

  it('is the address of the connection if X-Forwarded-For holds no valid address', async () => {
    for (const forwarded of ['unknown', 'x'.repeat(1000), '203.0.113.7 FORGED', '203.0.113.7:x', '[x]:1', ''])
      expect(await addressSeen('1', forwarded)).toMatch(here);
  });
});
