import { randomBytes, randomInt } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { parse as uuidBytes } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRefreshToken } from '../../src/sessions/refresh-tokens.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { ask } from '../support/instance.js';

/** Refresh tokens that were never issued, made from two genuine ones by an attacker who knows the layout. */
function forgers(mine: Buffer, theirs: Buffer, theirSession: string): ((index: number) => Buffer)[] {
  const changed = (change: (bytes: Buffer) => void) => () => {
    const bytes = Buffer.from(mine);
    change(bytes);
    return bytes;
  };
  const bits = mine.length * 8;
  return [
    () => randomBytes(mine.length),
    // Flips each bit in turn.
    (index) =>
      changed((bytes) =>
        bytes.writeUInt8((bytes[(index % bits) >> 3] ?? 0) ^ (1 << (index & 7)), (index % bits) >> 3),
      )(),
    changed((bytes) => bytes.set(uuidBytes(theirSession), 10)),
    changed((bytes) => bytes.set(randomBytes(16), 10)),
    changed((bytes) => bytes.writeUInt32BE(randomInt(1, 2 ** 32), 26)),
    changed((bytes) => bytes.set(randomBytes(16), 30)),
    changed((bytes) => bytes.set(theirs.subarray(30, 46), 30)),
    changed((bytes) => bytes.set(theirs.subarray(46), 46)),
    changed((bytes) => bytes.set(randomBytes(32), 46)),
    changed((bytes) => bytes.set(randomBytes(9), 1)),
    changed((bytes) => bytes.fill(0, 46)),
    (index) => mine.subarray(0, index % mine.length),
  ];
}

/** The statements sent, without those of the jobs that an instance runs every minute. */
function askedOf({ statements }: TestApp): string[] {
  return statements.filter(
    (sql) =>
      !/FROM (revocation WHERE keep_until|"public"\."signing_key")|advisory|audit_chain|audit_event (WHERE position IS NULL|e SET position)|^(BEGIN|COMMIT)$|^-- Implicit "COMMIT"/.test(
        sql,
      ),
  );
}

describe('a million forged refresh tokens', () => {
  let app: TestApp;
  let victim: SignedUp;
  let forge: (index: number) => string;
  beforeAll(async () => {
    app = await startApp({ LOG_LEVEL: 'silent' });
    victim = await app.signUp();
    const attacker = await app.signUp();
    const [mine, theirs] = [attacker, victim].map(({ refreshToken }) => Buffer.from(refreshToken, 'base64url'));
    const kinds = forgers(mine as Buffer, theirs as Buffer, victim.sessionId);
    forge = (index) => {
      const kind = kinds[index % kinds.length] as (index: number) => Buffer;
      return kind(Math.floor(index / kinds.length)).toString('base64url');
    };
  });
  afterAll(() => app.stop());

  const nothingHappened = async () => {
    expect(await app.deps.db.session.count({ where: { endedAt: null, counter: 0 } })).toBe(2);
    expect(await app.deps.db.revocation.count()).toBe(0);
    const events = await app.deps.db.auditEvent.findMany();
    expect(events.map(({ action }) => action)).toEqual(['user.created', 'user.created']);
  };

  it('are all recognised as forged, without a query', { timeout: 120_000 }, async () => {
    app.statements.length = 0;
    for (let index = 0; index < 1_000_000; index++) {
      if (openRefreshToken(app.deps.keys, forge(index))) throw new Error(`Taken for genuine: ${forge(index)}`);
      if (index % 20_000 === 0) await turn();
    }
    expect(askedOf(app)).toEqual([]);
    await nothingHappened();
  });

  it('get 401 over HTTP, without a query and without an ended session (a sample of 3,000)', {
    timeout: 60_000,
  }, async () => {
    app.statements.length = 0;
    const statuses = new Set<string>();
    for (let index = 0; index < 3_000; index += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, offset) =>
          ask(app, 'POST /auth/refresh', { body: { refresh_token: forge(index + offset) } }),
        ),
      );
      for (const { status, body } of answers) statuses.add(`${status} ${body.code}`);
    }
    expect([...statuses]).toEqual(['401 invalid_refresh_token']);
    expect(askedOf(app)).toEqual([]);
    await nothingHappened();
    const { status } = await app.http.post('/auth/refresh').send({ refresh_token: victim.refreshToken });
    expect(status).toBe(200);
  });

  it('do not log anyone out (a sample of 500)', { timeout: 60_000 }, async () => {
    app.statements.length = 0;
    for (let index = 0; index < 500; index += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, offset) =>
          ask(app, 'POST /auth/logout', { body: { refresh_token: forge(index + offset) } }),
        ),
      );
      for (const { status } of answers) expect(status).toBe(401);
    }
    expect(askedOf(app)).toEqual([]);
    expect(await app.deps.db.session.count({ where: { endedAt: null } })).toBe(2);
  });
});
