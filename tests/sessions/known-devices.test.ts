import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceIdOf, deviceTokenFor } from '../../src/sessions/known-devices.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';

describe('device tokens', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const [ada, eve] = [uuidv7(), uuidv7()];
  const issue = (id: string, presented?: string, epoch = 0) => deviceTokenFor(app.deps.keys, { id, epoch }, presented);
  const known = (id: string, token: string, epoch = 0) => deviceIdOf(app.deps.keys, { id, epoch }, token);

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

  it('are void after the user’s epoch rose, and the device gets a new one', () => {
    const token = issue(ada);
    const next = issue(ada, token, 1);
    expect([known(ada, token, 1), known(ada, next, 0), known(ada, next, 2)]).toEqual([undefined, undefined, undefined]);
    expect(known(ada, next, 1)).toMatch(/^[\w-]{22}$/);
    expect(issue(ada, next, 1)).toBe(next);
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
    expect(known(ada, deviceTokenFor(elsewhere.deps.keys, { id: ada, epoch: 0 }))).toBeUndefined();
  });
});
