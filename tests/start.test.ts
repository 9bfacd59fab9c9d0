import { describe, expect, it } from 'vitest';
import { startApp, startAppForTest } from './support/app.js';

describe('A start that cannot succeed ends with one line that names the setting:', () => {
  it.each<[string, Record<string, string>, string | undefined, RegExp]>([
    ['an address of another machine', { HOST: '192.0.2.1' }, undefined, /^HOST must be an address of this machine/],
    [
      'a certificate that is not there',
      {},
      'postgresql://127.0.0.1:1/d?sslrootcert=/nowhere.pem',
      /^DATABASE_URL: .*'\/nowhere\.pem'$/,
    ],
  ])('%s', async (_, environment, databaseUrl, line) => {
    await expect(startApp(environment, databaseUrl ? { databaseUrl } : {})).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(line),
    });
  });
});

it('A server that other machines can reach warns if NODE_ENV is not production; one for this machine alone does not', async () => {
  for (const [host, warnings] of [
    ['0.0.0.0', 1],
    ['127.0.0.1', 0],
  ] as const) {
    const app = await startAppForTest({ HOST: host });
    expect(app.logs.filter(({ msg }) => /^NODE_ENV is not production/.test(String(msg)))).toHaveLength(warnings);
  }
});
