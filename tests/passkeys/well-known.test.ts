import { describe, expect, it } from 'vitest';
import { startAppForTest } from '../support/app.js';
import { expectProblem } from '../support/problem.js';

const paths = ['apple-app-site-association', 'assetlinks.json', 'webauthn'].map((name) => `/.well-known/${name}`);
const [one, two] = ['14:6D'.padEnd(95, ':AA'), '22:33'.padEnd(95, ':BB')];

describe('The files that systems of others ask the RP ID’s host for', () => {
  it('are not there where there is nothing to say', async () => {
    const { http } = await startAppForTest();
    for (const path of paths) expectProblem(await http.get(path), 'not_found');
  });

  it('name the apps and the related sites', async () => {
    const { http } = await startAppForTest({
      APP_URL: 'https://app.example.com',
      PASSKEY_RP_ID: 'example.com',
      PASSKEY_ORIGINS: 'https://shop.example.com,https://example.de',
      PASSKEY_APPS: `ios:ABCDE12345.com.example.app,android:com.example.app:${one},android:com.example.app:${two}`,
    });
    const [ios, android, web] = await Promise.all(paths.map((path) => http.get(path).expect(200)));
    expect(ios?.body).toEqual({ webcredentials: { apps: ['ABCDE12345.com.example.app'] } });
    expect(android?.body).toEqual([
      {
        relation: ['delegate_permission/common.get_login_creds'],
        target: {
          namespace: 'android_app',
          package_name: 'com.example.app',
          sha256_cert_fingerprints: [one, two],
        },
      },
    ]);
    expect(web?.body).toEqual({ origins: ['https://example.de'] });
    for (const answer of [ios, android, web]) {
      expect(answer?.headers['content-type']).toMatch(/^application\/json/);
      expect(answer?.headers['cache-control']).toBe('public, max-age=3600');
    }
  });
});
