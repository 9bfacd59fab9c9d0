import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';

const passkeys = (environment: Record<string, string>) => parseConfig(environment).passkeys;
const hash = '14:6D:E9:83:C5:73:06:50:D8:EE:B9:95:2F:34:FC:64:16:A0:83:42:E6:1D:BE:A8:8A:04:96:B2:3F:CF:44:E5';
const android = 'android:apk-key-hash:FG3pg8VzBlDY7rmVLzT8ZBagg0LmHb6oigSWsj_PROU';

describe('The RP ID', () => {
  it('is the host of APP_URL, or of JWT_ISSUER', () => {
    expect(passkeys({}).rpId).toBe('localhost');
    expect(passkeys({ JWT_ISSUER: 'https://id.example.com/gate' }).rpId).toBe('id.example.com');
    expect(passkeys({ JWT_ISSUER: 'https://id.example.com', APP_URL: 'https://app.example.com:8443' }).rpId).toBe(
      'app.example.com',
    );
  });

  it('may be a domain that the host of APP_URL is below', () => {
    const set = { APP_URL: 'https://app.example.com', PASSKEY_RP_ID: 'example.com' };
    expect(passkeys(set).rpId).toBe('example.com');
  });

  it.each(['other.example', 'app.example.com.evil.example', 'ample.com', 'x.app.example.com'])(
    'is not %s where APP_URL is https://app.example.com',
    (PASSKEY_RP_ID) => {
      expect(() => passkeys({ APP_URL: 'https://app.example.com', PASSKEY_RP_ID })).toThrow(
        'PASSKEY_RP_ID must be the host of APP_URL, or a domain that this host is below.',
      );
    },
  );

  it.each([
    '127.0.0.1',
    '::1',
    '[::1]',
    'com',
    'Example.com',
    'https://example.com',
    'example.com:443',
    'exa mple.com',
    '.com',
  ])('is never %s', (PASSKEY_RP_ID) => {
    expect(() => passkeys({ APP_URL: 'http://127.0.0.1:3000', PASSKEY_RP_ID })).toThrow(
      'PASSKEY_RP_ID must be a domain',
    );
  });
});

describe('The origins', () => {
  it('are those of our own URLs and of CORS_ORIGINS at the RP ID or below it, with TLS', () => {
    const { origins } = passkeys({
      APP_URL: 'https://app.example.com/start',
      JWT_ISSUER: 'https://id.example.com:8443/gate',
      PASSKEY_RP_ID: 'example.com',
      CORS_ORIGINS:
        'https://example.com,https://other.example,http://shop.example.com,https://notexample.com,capacitor://localhost',
    });
    expect(origins).toEqual(['https://app.example.com', 'https://id.example.com:8443', 'https://example.com']);
  });

  it('leave out a host above the RP ID', () => {
    const set = { APP_URL: 'https://app.example.com', JWT_ISSUER: 'https://example.com' };
    expect(passkeys(set).origins).toEqual(['https://app.example.com']);
  });

  it('may lack TLS on localhost', () => {
    const { origins } = passkeys({ CORS_ORIGINS: 'http://localhost:5173,http://app.localhost' });
    expect(origins).toEqual(['http://localhost:3000', 'http://localhost:5173', 'http://app.localhost']);
  });

  it('are none where the host is an IP address: no browser would make a passkey', () => {
    expect(passkeys({ JWT_ISSUER: 'http://127.0.0.1:3000' }).origins).toEqual([]);
  });

  it('may be further ones; other sites among them are told to browsers', () => {
    const { origins, relatedOrigins } = passkeys({
      APP_URL: 'https://example.com',
      JWT_ISSUER: 'https://example.com',
      PASSKEY_ORIGINS: 'https://shop.example.com, https://example.de',
    });
    expect(origins).toEqual(['https://example.com', 'https://shop.example.com', 'https://example.de']);
    expect(relatedOrigins).toEqual(['https://example.de']);
  });

  it.each(['http://app.example.com', 'https://app.example.com/', '*', 'https://*.example.com', 'null', android])(
    'are never %s by PASSKEY_ORIGINS',
    (PASSKEY_ORIGINS) => {
      expect(() => passkeys({ PASSKEY_ORIGINS })).toThrow('PASSKEY_ORIGINS must be a list of origins');
    },
  );
});

describe('Apps', () => {
  const apps = `ios:ABCDE12345.com.example.app, android:com.example.app:${hash}`;

  it('have origins of their own: Android by its certificate, iOS as the RP ID', () => {
    const { origins, iosApps, androidApps } = passkeys({
      APP_URL: 'https://app.example.com',
      PASSKEY_RP_ID: 'example.com',
      PASSKEY_APPS: apps,
    });
    expect(origins).toEqual(['https://app.example.com', 'https://example.com', android]);
    expect(iosApps).toEqual(['ABCDE12345.com.example.app']);
    expect(androidApps).toEqual([{ package: 'com.example.app', certificate: hash }]);
  });

  it('may be named by a hash without colons, in any case', () => {
    const PASSKEY_APPS = `android:com.example.app:${hash.replaceAll(':', '').toLowerCase()}`;
    expect(passkeys({ PASSKEY_APPS }).androidApps).toEqual([{ package: 'com.example.app', certificate: hash }]);
  });

  it.each([
    'com.example.app',
    'ios:com.example.app',
    'ios:abcde12345.com.example.app',
    'android:com.example.app',
    `android:app:${hash}`,
    `android:com.example.app:${hash.slice(3)}`,
    `android:com.example.app:${hash.replace(':', '')}`,
    `android:com.example.app:${hash.replace('14', 'XY')}`,
    `windows:com.example.app:${hash}`,
  ])('are never %s', (PASSKEY_APPS) => {
    expect(() => passkeys({ PASSKEY_APPS })).toThrow(
      'PASSKEY_APPS must be a list of ios:<TeamID>.<bundle> and android:',
    );
  });
});
