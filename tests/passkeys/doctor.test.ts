import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { passkeyChecks } from '../../src/passkeys/doctor.js';
import { startApp, startAppForTest } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import { addPasskey } from '../support/passkeys.js';

describe('doctor on passkeys', () => {
  const setUp = (environment: Record<string, string>) => passkeyChecks.setUp(parseConfig(environment));

  it('names the RP ID and where they may be used', async () => {
    expect(await setUp({ JWT_ISSUER: 'https://login.test' })).toEqual([
      { check: 'passkeys', status: 'ok', detail: 'for login.test, at https://login.test', mend: null },
    ]);
  });

  it.each(['http://127.0.0.1:3000', 'http://login.test'])('warns where %s may use none', async (JWT_ISSUER) => {
    expect(await setUp({ JWT_ISSUER })).toMatchObject([{ check: 'passkeys', status: 'warning' }]);
  });

  it('looks for the files from outside, where it has something to say', async () => {
    const found = await setUp({
      JWT_ISSUER: 'https://gatelatch.invalid',
      PASSKEY_APPS: 'ios:ABCDE12345.com.example.app',
      PASSKEY_ORIGINS: 'https://example.de',
    });
    expect(found.map(({ check, status }) => [check, status])).toEqual([
      ['passkeys', 'ok'],
      ['/.well-known/apple-app-site-association', 'warning'],
      ['/.well-known/webauthn', 'warning'],
    ]);
    expect(found[1]?.detail).toMatch(/^https:\/\/gatelatch\.invalid\/\.well-known\/\S+ cannot be read: /);
  });

  it('counts passkeys of another RP ID', async () => {
    const app = await startAppForTest();
    const stored = () => passkeyChecks.database(app.config, app.deps.database);
    expect(await stored()).toMatchObject([{ check: 'stored passkeys', status: 'ok' }]);
    const { id } = await addPasskey(app, await app.signUp());
    await app.deps.db.passkey.update({ where: { id }, data: { rpId: 'old.example' } });
    expect(await stored()).toMatchObject([{ status: 'warning', detail: '1 for old.example' }]);
  });
});

describe('The start', () => {
  it('warns of passkeys of another RP ID, and of none else', async () => {
    const database = await lendDatabase();
    const warnings = async () => {
      const app = await startApp({}, { database });
      const { userId } = await app.signUp({ username: `u${randomBytes(4).toString('hex')}` });
      const found = app.logs.filter(({ msg }) => /passkeys work no more/.test(String(msg)));
      return { app, userId, found };
    };
    try {
      const first = await warnings();
      expect(first.found).toEqual([]);
      const { id } = await addPasskey(first.app, await first.app.signUp({ username: 'with-passkey' }));
      await first.app.deps.db.passkey.update({ where: { id }, data: { rpId: 'old.example' } });
      await first.app.stop();
      const second = await warnings();
      expect(second.found).toMatchObject([{ before: 'old.example', now: 'localhost', passkeys: 1 }]);
      await second.app.stop();
    } finally {
      await database.drop();
    }
  });
});
