import { describe, expect, it } from 'vitest';
import { retryDelay } from '../../../src/platform/outbox/retries.js';

const timeout = Object.assign(new Error('x'), { code: 'ETIMEDOUT', command: 'CONN' });
const refused = Object.assign(new Error('x'), { responseCode: 550, command: 'RCPT TO' });

describe('retryDelay', () => {
  it('doubles from a second to an hour, varied by up to half', () => {
    for (let attempts = 1; attempts < 30; attempts++) {
      const middle = Math.min(2 ** (attempts - 1), 3600);
      const delays = Array.from({ length: 200 }, () => retryDelay(attempts, timeout) ?? Number.NaN);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(middle / 2);
      expect(Math.max(...delays)).toBeLessThanOrEqual(middle * 1.5);
      expect(Math.max(...delays)).toBeGreaterThan(Math.min(...delays) * 1.5);
    }
  });

  it('gives up after 30 attempts, or after 10 that the server refused permanently', () => {
    expect([retryDelay(29, timeout) === undefined, retryDelay(30, timeout)]).toEqual([false, undefined]);
    expect([retryDelay(9, refused) === undefined, retryDelay(10, refused)]).toEqual([false, undefined]);
    const later = Object.assign(new Error('x'), { responseCode: 451, command: 'RCPT TO' });
    const login = Object.assign(new Error('x'), { responseCode: 535, command: 'AUTH PLAIN' });
    for (const error of [later, login, 'no error']) expect(retryDelay(10, error)).toBeDefined();
  });
});
