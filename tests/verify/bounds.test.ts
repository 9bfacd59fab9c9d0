import { describe, expect, it } from 'vitest';
import { createVerifier, GatelatchStrategy, requireAuth } from '../../verify/src/index.js';
import { startStub } from './support/stub.js';
import { codeOf, newVerifier, startIssuer } from './support/verifiers.js';

describe('A verifier that never heard of its issuer', () => {
  it('lets a thousand requests wait, and answers 503 to the next ones at once', { timeout: 20_000 }, async () => {
    const issuer = await startIssuer();
    const verifier = newVerifier({ issuer: 'http://127.0.0.1:9' });
    const token = issuer.token();
    const waiting = Array.from({ length: 1_000 }, () => verifier.verify(token).catch(codeOf));
    const beganAt = performance.now();
    expect(await verifier.verify(token).catch(codeOf)).toBe('temporarily_unavailable');
    expect(performance.now() - beganAt).toBeLessThan(1_000);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['temporarily_unavailable']));
  });

  it('tells its log at most five different messages a minute, each short and without control characters', async () => {
    let answered = 0;
    const { url } = await startStub((_req, res) => {
      answered += 1;
      res.end(
        JSON.stringify({ issuer: `https://n${answered}\u001b[31m\nforged line ${'x'.repeat(5_000)}.example.com` }),
      );
    });
    const { told } = newVerifier({ issuer: url, revocations: 'poll' });
    // It pauses longer each time: 12.5 s at most before the sixth.
    await expect.poll(() => answered, { timeout: 25_000 }).toBeGreaterThan(5);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(5);
    for (const message of told) {
      expect(message).not.toMatch(/\p{Cc}/u);
      expect(message.length).toBeLessThanOrEqual(500);
    }
  }, 30_000);
});

describe('An option that is misspelt', () => {
  it('is refused where it is written', async () => {
    const issuer = await startIssuer();
    const wrong = { ...issuer.options, maxStalenes: 5 };
    expect(() => createVerifier(wrong)).toThrow('There is no option maxStalenes.');
    const verifier = newVerifier(issuer.options);
    const demands = { permision: 'orders:write' };
    expect(() => requireAuth(verifier, demands as object)).toThrow('permision');
    expect(() => new GatelatchStrategy(verifier, demands as object)).toThrow('permision');
  });
});

describe('A permission that is no text', () => {
  it.each([undefined, null, '', ['orders:write']])('is refused where a route demands it: %j', async (permission) => {
    const issuer = await startIssuer();
    const verifier = newVerifier(issuer.options);
    const demands = { permission } as { permission: string };
    expect(() => requireAuth(verifier, demands)).toThrow('is a text');
    expect(() => new GatelatchStrategy(verifier, demands)).toThrow('is a text');
  });
});
