import { describe, expect, it, vi } from 'vitest';
import { startAppForTest } from '../../support/app.js';

const here = /^(127\.0\.0\.1|::1)$/;

/** The address that the log has for a request with this X-Forwarded-For. */
async function addressSeen(trustProxy: string, forwarded: string): Promise<string> {
  const app = await startAppForTest({ TRUST_PROXY: trustProxy });
  await app.http.get('/healthz').set('X-Forwarded-For', forwarded).expect(200);
  return vi.waitFor(() => {
    const [line] = app.logs.filter(({ msg }) => msg === 'request');
    expect(line).toBeDefined();
    return String(line?.ip);
  });
}

describe('The address of a caller', () => {
  it('is that of the connection with TRUST_PROXY=false, whatever X-Forwarded-For says', async () => {
    expect(await addressSeen('false', '203.0.113.7')).toMatch(here);
  });

  it('is what the one proxy in front says with TRUST_PROXY=1, not what the caller told the proxy', async () => {
    expect(await addressSeen('1', '198.51.100.66, 203.0.113.7')).toBe('203.0.113.7');
  });

  it('is what the outer of two proxies says with TRUST_PROXY=2', async () => {
    expect(await addressSeen('2', '198.51.100.66, 203.0.113.7, 10.0.0.1')).toBe('203.0.113.7');
  });

  it('is the last that no trusted address named, where proxies are trusted by address', async () => {
    expect(await addressSeen('loopback, 10.0.0.0/8', '198.51.100.66, 203.0.113.7, 10.0.0.1')).toBe('203.0.113.7');
  });

  it('is that of the connection where only other addresses are trusted', async () => {
    expect(await addressSeen('10.0.0.0/8', '203.0.113.7')).toMatch(here);
  });

  it('is written without the prefix that dual-stack sockets put before IPv4', async () => {
    for (const mapped of ['::ffff:203.0.113.7', '::FFFF:203.0.113.7'])
      expect(await addressSeen('1', mapped)).toBe('203.0.113.7');
    expect(await addressSeen('1', '2001:db8::7')).toBe('2001:db8::7');
  });

  it('is written without the port that some proxies name', async () => {
    expect(await addressSeen('1', '203.0.113.7:4711')).toBe('203.0.113.7');
    expect(await addressSeen('1', '[2001:db8::7]:4711')).toBe('2001:db8::7');
    expect(await addressSeen('1', '[2001:db8::7]')).toBe('2001:db8::7');
  });

  it('is that of the connection where what a proxy says is no address', async () => {
    for (const forwarded of ['unknown', 'x'.repeat(1000), '203.0.113.7 FORGED', '203.0.113.7:x', '[x]:1', ''])
      expect(await addressSeen('1', forwarded)).toMatch(here);
  });
});
