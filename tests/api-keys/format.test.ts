import { crc32 } from 'node:zlib';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { isApiKey, readApiKey, writeApiKey } from '../../src/api-keys/format.js';
import { makeKey } from '../support/api-keys.js';
import { startApp, startAppForTest } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import { limitsOn, newAddress } from '../support/limits.js';
import { expectProblem } from '../support/problem.js';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** CRC-32 in six characters of base62, written down once more. */
function sumOf(text: string): string {
  let [sum, left] = ['', crc32(text)];
  for (let place = 0; place < 6; place++) [sum, left] = [digits.charAt(left % 62) + sum, Math.floor(left / 62)];
  return sum;
}

/** The key with other characters before its checksum, which then is right again. */
function forged(key: string, change: (body: string) => string): string {
  const body = change(key.slice(0, -6));
  return `${body}${sumOf(body)}`;
}

describe('The form of a key', () => {
  it('is the prefix, 22, 43 and 6 characters of base62, and ends in CRC-32 of what comes before', () => {
    for (let time = 0; time < 1_000; time++) {
      const { key, start } = writeApiKey('glk', uuidv7());
      expect(key).toMatch(/^glk_[0-9A-Za-z]{71}$/);
      expect(key.slice(-6)).toBe(sumOf(key.slice(0, -6)));
      expect(start).toMatch(/^glk_[0-9A-Za-z]{4}$/);
      expect(key.slice(-49)).not.toContain(start.slice(4));
    }
  });

  it.each([
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '00000000-0000-7000-8000-000000000001',
    uuidv4(),
    uuidv7(),
  ])('has the id %s in it', (id) => {
    const { key, secretHash } = writeApiKey('acme', id);
    expect(readApiKey(key)).toEqual({ id, secretHash });
  });

  it('with any one character changed is no key of ours', () => {
    const { key } = writeApiKey('glk', uuidv7());
    for (let at = 0; at < key.length; at++)
      for (const sign of ['0', 'z', '_', '-']) {
        const changed = `${key.slice(0, at)}${sign}${key.slice(at + 1)}`;
        if (changed !== key) expect(readApiKey(changed), changed).toBeUndefined();
      }
  });

  it.each([
    ['too short', (key: string) => key.slice(0, -1)],
    ['too long', (key: string) => `${key}0`],
    ['a prefix of one letter', (key: string) => key.replace('glk', 'g')],
    ['a prefix of eleven letters', (key: string) => key.replace('glk', 'abcdefghijk')],
    ['a prefix in capitals', (key: string) => key.replace('glk', 'GLK')],
    ['a line feed at its end', (key: string) => `${key}\n`],
  ])('%s is not looked at', (_, change) => {
    expect(isApiKey(change(writeApiKey('glk', uuidv7()).key))).toBe(false);
  });

  it('whose id is more than 128 bits is no key, though its checksum is right', () => {
    const { key } = writeApiKey('glk', uuidv7());
    const changed = forged(key, (body) => `glk_${'z'.repeat(22)}${body.slice(-43)}`);
    expect(isApiKey(changed)).toBe(true);
    expect(readApiKey(changed)).toBeUndefined();
  });

  it('whose id is no UUID is no key, though its checksum is right', () => {
    const { key } = writeApiKey('glk', uuidv7());
    const changed = forged(key, (body) => `glk_${'0'.repeat(21)}5${body.slice(-43)}`);
    expect(isApiKey(changed)).toBe(true);
    expect(readApiKey(changed)).toBeUndefined();
  });
});

it('a forged id, one that is no UUID, a forged secret and a wrong checksum are all the same: unknown', async () => {
  const app = await startAppForTest();
  const { key, bearer } = await makeKey(app, await app.signUp());
  const ask = (token: string) => app.http.get('/welcome').set('Authorization', `Bearer ${token}`);
  const other = writeApiKey('glk', uuidv7()).key;
  const bodies = [
    await ask(forged(key, (body) => `${body.slice(0, -43)}${other.slice(26, 69)}`)),
    await ask(other),
    await ask(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`),
    await ask(forged(key, (body) => `glk_${'0'.repeat(21)}5${body.slice(-43)}`)),
  ].map((answer) => {
    expectProblem(answer, 'invalid_token');
    return { ...answer.body, request_id: '' };
  });
  expect(bodies[1]).toEqual(bodies[0]);
  expect(bodies[2]).toEqual(bodies[0]);
  expect(bodies[3]).toEqual(bodies[0]);
  await app.http.get('/welcome').set(bearer).expect(200);
  // The prefix is decoration, but it is in the checksum.
  await ask(forged(key, (body) => body.replace('glk', 'mine'))).expect(200);
});

it('another API_KEY_PREFIX is for new keys; those of before stay good', async () => {
  const database = await lendDatabase();
  const before = await startApp({}, { database });
  const user = await before.signUp();
  const old = await makeKey(before, user);
  await before.stop();
  const after = await startApp({ API_KEY_PREFIX: 'acme' }, { database });
  try {
    await after.http.get('/welcome').set(old.bearer).expect(200);
    const fresh = await makeKey(after, user);
    expect(fresh.key).toMatch(/^acme_/);
    expect(fresh.start).toMatch(/^acme_/);
    await after.http.get('/welcome').set(fresh.bearer).expect(200);
  } finally {
    await after.stop();
    await database.drop();
  }
});

it('a made-up key with the right checksum counts by RATE_LIMIT_API_KEY too, though its id was never made', async () => {
  const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_API_KEY: '3/5m' });
  const { key } = await makeKey(app, await app.signUp());
  const from = newAddress();
  const ask = (token: string) =>
    app.http.get('/welcome').set({ Authorization: `Bearer ${token}`, 'X-Forwarded-For': from });
  const madeUp = forged(key, (body) => `glk_${'z'.repeat(22)}${body.slice(-43)}`);
  app.statements.length = 0;
  for (let time = 0; time < 3; time++) expectProblem(await ask(madeUp), 'invalid_token');
  for (const refused of [madeUp, key]) expectProblem(await ask(refused), 'rate_limited');
  expect(app.statements).toEqual([]);
});
