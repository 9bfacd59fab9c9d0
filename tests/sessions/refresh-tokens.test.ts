import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newNonce, openRefreshToken, sealRefreshToken } from '../../src/sessions/refresh-tokens.js';
import { startApp, type TestApp } from '../support/app.js';

describe('refresh tokens', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const facts = (counter = 0) => ({
    keyId: app.deps.keys.active('refresh').kid,
    sessionId: uuidv7(),
    counter,
    nonce: newNonce(),
  });

  it.each([0, 1, 255, 256, 2_147_483_647, 4_294_967_295])('return what was put into them (counter %i)', (counter) => {
    const token = facts(counter);
    expect(openRefreshToken(app.deps.keys, sealRefreshToken(app.deps.keys, token))).toEqual(token);
  });

  it('are the same for the same content, and differ if any part of it differs', () => {
    const token = facts(1);
    const seal = (changed: object = {}) => sealRefreshToken(app.deps.keys, { ...token, ...changed });
    expect(seal()).toBe(seal());
    const others = [seal({ counter: 2 }), seal({ sessionId: uuidv7() }), seal({ nonce: newNonce() })];
    expect(new Set([seal(), ...others]).size).toBe(4);
  });

  it('are refused if any single bit is flipped', () => {
    const bytes = Buffer.from(sealRefreshToken(app.deps.keys, facts()), 'base64url');
    expect(bytes).toHaveLength(78);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openRefreshToken(app.deps.keys, flipped.toString('base64url')), `bit ${bit}`).toBeUndefined();
    }
  });

  it('have one spelling only', () => {
    const text = sealRefreshToken(app.deps.keys, facts());
    const standard = text.replaceAll('-', '+').replaceAll('_', '/');
    const others = [
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      `${text}A`,
      text.slice(0, -1),
      ...(standard === text ? [] : [standard]),
    ];
    for (const other of others) expect(openRefreshToken(app.deps.keys, other), other).toBeUndefined();
  });

  it('are never matched by random bytes (2,000 tries)', () => {
    for (let n = 0; n < 2_000; n += 1)
      expect(openRefreshToken(app.deps.keys, randomBytes(78).toString('base64url'))).toBeUndefined();
  });

  it('have 128 random bits for each session (ASVS 7.2.3)', () => {
    const nonces = Array.from({ length: 10_000 }, () => newNonce().toString('hex'));
    expect(new Set(nonces).size).toBe(10_000);
    expect(nonces[0]).toHaveLength(32);
  });
});
