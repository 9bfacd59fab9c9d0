import jwt from 'jsonwebtoken';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureKeys, jwksMaxAge, resealKeys, revokeKey, rotateKeys, rotateKeysByAge } from '../../src/keys/rotation.js';
import { createSecretBox } from '../../src/keys/secret-box.js';
import { loadSigningKeys } from '../../src/keys/signing-keys.js';
import type { Db } from '../../src/platform/db/database.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import type { TestDatabase } from '../support/test-database.js';

const oldSecret = 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz';
const newSecret = 'tests-only-new-0123456789abcdefghijklmnopqrstuvwxyz';

/** A database where something happens between the read of the keys and its result. */
function readThrough(db: Db, onRead: () => unknown): Db {
  const findMany = async (...args: Parameters<Db['signingKey']['findMany']>) => {
    const rows = await db.signingKey.findMany(...args);
    await onRead();
    return rows;
  };
  return new Proxy(db, { get: (of, name) => (name === 'signingKey' ? { findMany } : Reflect.get(of, name)) });
}

describe('signing keys', () => {
  let database: TestDatabase;
  let app: TestApp;
  const start = (environment: Record<string, string> = {}) => startApp(environment, { database });
  async function restart(environment: Record<string, string> = {}): Promise<void> {
    await app.stop();
    app = await start(environment);
  }
  beforeEach(async () => {
    database = await lendDatabase();
    app = await start();
  });
  afterEach(async () => {
    await app.stop();
    await database.drop();
  });

  const kidOf = (token: string) => jwt.decode(token, { complete: true })?.header.kid as string;
  const published = async () =>
    ((await app.http.get('/.well-known/jwks.json')).body.keys as { kid: string }[]).map(({ kid }) => kid).sort();
  const states = async (purpose: string) => {
    const rows = await app.deps.db.signingKey.findMany({ where: { purpose }, orderBy: { createdAt: 'asc' } });
    return rows.map(({ activeAt, retiredAt }) => (retiredAt ? 'retired' : activeAt ? 'active' : 'next'));
  };
  const nextOf = async (purpose: string) =>
    (await app.deps.db.signingKey.findFirstOrThrow({ where: { purpose, activeAt: null } })).id;
  const age = (seconds: number) =>
    app.deps.db.$executeRaw`UPDATE signing_key SET created_at = created_at - make_interval(secs => ${seconds}),
      active_at = active_at - make_interval(secs => ${seconds}), retired_at = retired_at - make_interval(secs => ${seconds})`;
  const welcome = async ({ bearer }: Pick<SignedUp, 'bearer'>) => {
    const { status, body } = await app.http.get('/welcome').set(bearer);
    return body.code ?? status;
  };
  const refresh = ({ refreshToken }: Pick<SignedUp, 'refreshToken'>) =>
    app.http.post('/auth/refresh').send({ refresh_token: refreshToken });

  describe('when they rotate:', () => {
    it('the next key is published before it is used, then signs, and another is published', async () => {
      const next = await nextOf('access');
      const user = await app.signUp();
      expect(await published()).toEqual([kidOf(user.accessToken), next].sort());
      await age(jwksMaxAge + 1);
      expect(await rotateKeys(app.deps, {})).toBe(true);
      const later = await app.signUp();
      expect(kidOf(later.accessToken)).toBe(next);
      expect(await published()).toEqual([kidOf(user.accessToken), next, await nextOf('access')].sort());
    });

    it('the retired key still verifies, and no user is logged out', async () => {
      const user = await app.signUp();
      await age(jwksMaxAge + 1);
      await rotateKeys(app.deps, {});
      for (const verifying of ['memory', 'a restart']) {
        expect([verifying, await welcome(user)]).toEqual([verifying, 200]);
        expect((await refresh(user)).status).toBe(200);
        await restart();
      }
    });

    it('nothing happens if the next key has been published for less time than a JWKS may be cached', async () => {
      const user = await app.signUp();
      await age(jwksMaxAge - 5);
      expect(await rotateKeys(app.deps, {})).toBe(false);
      expect(kidOf((await app.signUp()).accessToken)).toBe(kidOf(user.accessToken));
      await age(6);
      expect([await rotateKeys(app.deps, {}), await rotateKeys(app.deps, {})]).toEqual([true, false]);
    });

    it('the keys for refresh tokens rotate too, and existing sessions keep their key', async () => {
      const user = await app.signUp();
      const kid = (token: string) => Buffer.from(token, 'base64url').toString('base64url', 1, 10);
      const next = await nextOf('refresh');
      await age(jwksMaxAge + 1);
      await rotateKeys(app.deps, {});
      expect(kid((await app.signUp()).refreshToken)).toBe(next);
      expect(kid((await refresh(user)).body.refresh_token)).toBe(kid(user.refreshToken));
      expect(await states('refresh')).toEqual(['retired', 'active', 'next']);
    });

    it('keys rotate by themselves when the active one is old enough, not before, and the audit records it', async () => {
      await age(89 * 86_400);
      await rotateKeysByAge(app.deps);
      expect(await states('access')).toEqual(['active', 'next']);
      await age(2 * 86_400);
      await Promise.all([rotateKeysByAge(app.deps), rotateKeysByAge(app.deps)]);
      expect(await states('access')).toEqual(['retired', 'active', 'next']);
      const [event] = await app.deps.db.auditEvent.findMany({ where: { action: 'key.rotated' } });
      expect(event).toMatchObject({
        userId: null,
        actorId: null,
        detail: { kid: kidOf((await app.signUp()).accessToken) },
      });
    });

    it('retired keys are removed after their last token: access keys after a day, refresh keys after SESSION_MAX_AGE', async () => {
      await age(jwksMaxAge + 1);
      await rotateKeys(app.deps, {});
      const retired = async () => {
        const rows = await app.deps.db.signingKey.findMany({ where: { NOT: { retiredAt: null } } });
        return rows.map(({ id, purpose }) => `${purpose} ${id}`);
      };
      const [access, challenge, refreshing] = (await retired()).sort();
      const daysLater = async (days: number) => {
        await age(days * 86_400);
        await rotateKeysByAge(app.deps);
        return retired();
      };
      expect((await daysLater(0.95)).sort()).toEqual([access, challenge, refreshing]);
      expect((await daysLater(0.1)).sort()).toEqual([challenge, refreshing]);
      expect(await published()).toHaveLength(2);
      // 90 days plus their possible jitter. Meanwhile others have rotated by age.
      expect(await daysLater(93)).toContain(refreshing);
      expect(await daysLater(1)).not.toContain(refreshing);
    });
  });

  describe('when they are revoked:', () => {
    it('tokens of the active key are refused at once, verified before or not, and the next key signs', async () => {
      const [seen, unseen] = [await app.signUp(), await app.signUp()];
      expect(await welcome(seen)).toBe(200);
      const kid = kidOf(seen.accessToken);
      const next = await nextOf('access');
      expect(await revokeKey(app.deps, kid, {})).toBe(true);
      for (const user of [seen, unseen]) expect(await welcome(user)).toBe('invalid_token');
      expect(await published()).not.toContain(kid);
      const { body } = await refresh(seen);
      expect(kidOf(body.access_token)).toBe(next);
      expect(await welcome({ bearer: { Authorization: `Bearer ${body.access_token}` } })).toBe(200);
      expect(await states('access')).toEqual(['active', 'next']);
      expect(await app.deps.db.auditEvent.count({ where: { action: 'key.revoked' } })).toBe(1);
    });

    it.each(['refresh', 'device'])('the active key of purpose %s is replaced at once', async (purpose) => {
      const user = await app.signUp();
      const row = await app.deps.db.signingKey.findFirstOrThrow({ where: { purpose, NOT: { activeAt: null } } });
      await revokeKey(app.deps, row.id, {});
      expect((await refresh(user)).status).toBe(purpose === 'refresh' ? 401 : 200);
      expect((await refresh(await app.signUp())).status).toBe(200);
      expect(await welcome(user)).toBe(200);
    });

    it('the next key is replaced, and the active one goes on', async () => {
      const user = await app.signUp();
      const next = await nextOf('access');
      await revokeKey(app.deps, next, {});
      expect(await states('access')).toEqual(['active', 'next']);
      expect(await nextOf('access')).not.toBe(next);
      expect(await welcome(user)).toBe(200);
    });

    it('tokens of a retired key are refused', async () => {
      const user = await app.signUp();
      await age(jwksMaxAge + 1);
      await rotateKeys(app.deps, {});
      expect(await welcome(user)).toBe(200);
      await revokeKey(app.deps, kidOf(user.accessToken), {});
      expect(await welcome(user)).toBe('invalid_token');
    });

    it('an unknown key is reported', async () => {
      expect(await revokeKey(app.deps, 'nothing', {})).toBe(false);
      expect(await app.deps.db.auditEvent.count({ where: { action: 'key.revoked' } })).toBe(0);
    });
  });

  it('are looked up once if another instance made them, and unknown ones at most once a second', async () => {
    const user = await app.signUp();
    // This instance has not loaded the newest key.
    const reading = vi.fn();
    const keys = await loadSigningKeys(readThrough(app.deps.db, reading), app.deps.box, app.deps.log);
    await age(jwksMaxAge + 1);
    await rotateKeys({ ...app.deps, keys: { reload: async () => {} } }, {});
    const unheard = await nextOf('access');
    expect(keys.find('access', unheard)).toBeUndefined();
    await keys.reload();
    reading.mockClear();
    for (let time = 0; time < 50; time++) expect(await keys.lookUp('access', `stranger-${time}`)).toBeUndefined();
    expect(reading).toHaveBeenCalledTimes(1);
    expect(await keys.lookUp('access', kidOf(user.accessToken))).toBeDefined();
  });

  it('are looked up right after a reload too, because a reload is not a look-up', async () => {
    const keys = await loadSigningKeys(app.deps.db, app.deps.box, app.deps.log);
    await revokeKey(app.deps, await nextOf('access'), {});
    expect(await keys.lookUp('access', await nextOf('access'))).toBeDefined();
  });

  it('do not come back by a reload that began before they were revoked and ended afterwards', async () => {
    const { db, box, log } = app.deps;
    const keys = await loadSigningKeys(db, box, log);
    const kid = keys.active('access').kid;
    // The result of the first read is delayed, as in a busy pool.
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let reads = 0;
    const slow = await loadSigningKeys(
      readThrough(db, async () => {
        reads += 1;
        if (reads === 2) await held;
      }),
      box,
      log,
    );
    const early = slow.reload();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await revokeKey(app.deps, kid, {});
    await slow.reload();
    release();
    await early;
    expect(slow.find('access', kid)).toBeUndefined();
  });

  it('follow JWT_ALGORITHM: a key of the new algorithm signs at once, and the old keys still verify', async () => {
    const user = await app.signUp();
    await restart({ JWT_ALGORITHM: 'RS256' });
    const later = await app.signUp();
    expect(jwt.decode(later.accessToken, { complete: true })?.header.alg).toBe('RS256');
    for (const one of [user, later]) expect(await welcome(one)).toBe(200);
    expect(await states('access')).toEqual(['retired', 'active', 'next']);
    await restart({ JWT_ALGORITHM: 'HS256' });
    expect(jwt.decode((await app.signUp()).accessToken, { complete: true })?.header.alg).toBe('HS256');
    for (const one of [user, later]) expect(await welcome(one)).toBe(200);
  });

  describe('when AUTH_SECRET changes:', () => {
    it('keys are resealed by the runbook: both secrets, reseal, then drop the old one', async () => {
      const user = await app.signUp();
      await restart({ AUTH_SECRET: newSecret, AUTH_SECRET_PREVIOUS: oldSecret });
      expect(await resealKeys(app.deps)).toBe(8);
      await restart({ AUTH_SECRET: newSecret });
      expect(await welcome(user)).toBe(200);
      const { body } = await refresh(user);
      expect((await refresh({ refreshToken: body.refresh_token })).status).toBe(200);
      await app.stop();
      await expect(start({ AUTH_SECRET: oldSecret })).rejects.toThrow('AUTH_SECRET does not open');
      app = await start({ AUTH_SECRET: newSecret });
    });

    it('no key is resealed if one of them cannot be opened', async () => {
      const row = await app.deps.db.signingKey.findFirstOrThrow({ where: { purpose: 'device' } });
      await app.deps.db.signingKey.update({ where: { id: row.id }, data: { sealed: new Uint8Array(80) } });
      const before = await app.deps.db.signingKey.findMany({ orderBy: { id: 'asc' } });
      const box = createSecretBox([newSecret, oldSecret]);
      await expect(resealKeys({ db: app.deps.db, box })).rejects.toThrow(row.id);
      expect(await app.deps.db.signingKey.findMany({ orderBy: { id: 'asc' } })).toEqual(before);
      await app.deps.db.signingKey.delete({ where: { id: row.id } });
    });

    it('a key that cannot be opened is left out at a reload and logged, and the others go on', async () => {
      const user = await app.signUp();
      const { db } = app.deps;
      const id = await nextOf('access');
      await db.signingKey.delete({ where: { id } });
      await db.signingKey.create({
        data: { id: 'foreign', purpose: 'access', algorithm: 'ES256', sealed: new Uint8Array(80) },
      });
      app.logs.length = 0;
      await app.deps.keys.reload();
      expect(app.logs).toMatchObject([{ level: 50, kid: 'foreign' }]);
      expect(app.deps.keys.find('access', 'foreign')).toBeUndefined();
      expect(await published()).toEqual([kidOf(user.accessToken)]);
      expect(await welcome(user)).toBe(200);
      await db.signingKey.delete({ where: { id: 'foreign' } });
    });

    it('a start with a wrong secret adds no keys, even if some are missing, so the right one still starts', async () => {
      const { db } = app.deps;
      await db.signingKey.deleteMany({ where: { activeAt: null } });
      const box = createSecretBox(['another-secret-0123456789abcdefghijklmnopqrstuvwxyz']);
      await expect(ensureKeys({ ...app.deps, box })).rejects.toThrow('AUTH_SECRET does not open');
      const config = { tokens: { ...app.config.tokens, algorithm: 'RS256' as const } };
      await expect(ensureKeys({ db, box, config })).rejects.toThrow('AUTH_SECRET does not open');
      const rightly = await loadSigningKeys(db, app.deps.box, pino({ level: 'silent' }));
      expect(rightly.active('access').algorithm).toBe('ES256');
    });
  });
});
