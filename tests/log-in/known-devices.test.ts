import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceIdOf, deviceTokenFor } from '../../src/log-in/known-devices.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';

describe('device tokens', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const [ada, eve] = [uuidv7(), uuidv7()];
  const issue = (userId: string, presented?: string) => deviceTokenFor(app.deps.keys, userId, presented);
  const known = (userId: string, token: string) => deviceIdOf(app.deps.keys, userId, token);

  it('identify a device where this user has logged in before', () => {
    const token = issue(ada);
    expect(known(ada, token)).toMatch(/^[\w-]{22}$/);
    expect(known(ada, token)).toBe(known(ada, token));
  });

  it('are different for each device', () => {
    const tokens = Array.from({ length: 1000 }, () => issue(ada));
    expect(new Set(tokens.map((token) => known(ada, token))).size).toBe(1000);
  });

  it('stay the same on a device that logs in again', () => {
    const token = issue(ada);
    expect(issue(ada, token)).toBe(token);
  });

  it('are not valid for another user, who gets a new one', () => {
    const token = issue(ada);
    expect(known(eve, token)).toBeUndefined();
    expect(issue(eve, token)).not.toBe(token);
  });

  it('are not valid if any bit was changed', () => {
    const token = issue(ada);
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(known(ada, flipped.toString('base64url')), `bit ${bit}`).toBeUndefined();
    }
    for (const odd of ['', 'x', token.slice(1), `${token}A`, `${token}\n`, 'A'.repeat(76)])
      expect(known(ada, odd)).toBeUndefined();
  });

  it('give access to nothing: no protected route and no session (RFC 8725 §3.12)', async () => {
    const { deviceToken } = await app.signUp();
    const opened = await app.http.get('/welcome').set('Authorization', `Bearer ${deviceToken}`);
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: deviceToken });
    const byCookie = await app.http.get('/welcome').set('Cookie', `device=${deviceToken}`);
    expect([opened.body.code, refreshed.body.code, byCookie.body.code]).toEqual([
      'invalid_token',
      'invalid_refresh_token',
      'unauthenticated',
    ]);
  });

  it('of another deployment are not valid', async () => {
    const elsewhere = await startAppForTest();
    expect(known(ada, deviceTokenFor(elsewhere.deps.keys, ada, undefined))).toBeUndefined();
  });
});
