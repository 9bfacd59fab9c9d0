import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { providerChecks } from '../../src/providers/doctor.js';
import { startAppForTest } from '../support/app.js';
import { startApple } from '../support/pretended-providers/apple.js';
import { startGitHub } from '../support/pretended-providers/github.js';
import { goRound } from '../support/pretended-providers/go-round.js';
import { type OpenIdProvider, settingsOf, startOpenIdProvider } from '../support/pretended-providers/openid.js';

const setUp = (environment: Record<string, string>) => providerChecks.setUp(parseConfig(environment));

describe('doctor on providers', () => {
  it('says nothing where there are none', async () => {
    expect(await setUp({})).toEqual([]);
  });

  it('asks each for its discovery, and names the redirect URI to be registered there', async () => {
    const [corp, github] = [await startOpenIdProvider(), await startGitHub()];
    expect(await setUp({ ...settingsOf(corp, github), JWT_ISSUER: 'https://login.test/gate' })).toEqual([
      { check: 'provider corp', status: 'ok', detail: `${corp.issuer} answers`, mend: null },
      {
        check: 'provider corp',
        status: 'ok',
        detail: 'the redirect URI to register there is https://login.test/gate/auth/callback/corp',
        mend: null,
      },
      { check: 'provider github', status: 'ok', detail: `${github.server.url} answers`, mend: null },
      {
        check: 'provider github',
        status: 'ok',
        detail: 'the redirect URI to register there is https://login.test/gate/auth/callback/github',
        mend: null,
      },
      { check: 'REDIRECT_URIS', status: 'ok', detail: 'https://login.test/gate/callback', mend: null },
    ]);
  });

  const problems: [string, OpenIdProvider['wrong'], RegExp][] = [
    ['another issuer', { discovery: { issuer: 'https://evil.example' } }, /issuer/],
    ['no endpoint for tokens', { discovery: { token_endpoint: undefined } }, /has no usable token_endpoint/],
    ['no keys', { discovery: { jwks_uri: undefined } }, /has no usable jwks_uri/],
    ['PKCE without S256', { discovery: { code_challenge_methods_supported: ['plain'] } }, /without S256/],
  ];
  it.each(problems)('finds discovery with %s', async (_, wrong, detail) => {
    const corp = await startOpenIdProvider();
    corp.wrong = wrong;
    const [found] = await setUp(corp.settings);
    expect(found).toMatchObject({ check: 'provider corp', status: 'problem', detail: expect.stringMatching(detail) });
  });

  it('finds a provider that is away, and goes on with the others', async () => {
    const [corp, github] = [await startOpenIdProvider(), await startGitHub()];
    await corp.server.goAway();
    const away = await setUp(settingsOf(corp, github));
    expect(away.map(({ check, status }) => [check, status])).toEqual([
      ['provider corp', 'problem'],
      ['provider corp', 'ok'],
      ['provider github', 'ok'],
      ['provider github', 'ok'],
      ['REDIRECT_URIS', 'ok'],
    ]);
    expect(away[0]?.detail).toMatch(/ECONNREFUSED/);
    github.server.trouble[''] = 'answers 500';
    expect((await setUp(github.settings))[0]).toMatchObject({
      status: 'problem',
      detail: expect.stringMatching(/500/),
    });
  });

  it('warns of a redirect URI that no provider takes', async () => {
    const [corp, apple] = [await startOpenIdProvider(), await startApple()];
    const JWT_ISSUER = 'http://login.test';
    expect((await setUp({ ...corp.settings, JWT_ISSUER }))[1]).toMatchObject({ status: 'warning' });
    expect((await setUp(apple.settings))[1]).toMatchObject({ status: 'warning' });
  });

  it.each<[string, string, Record<string, string>]>([
    ['ok', 'https://login.test/callback,com.example.app:/callback', {}],
    ['ok', 'com.example.app:/callback,http://127.0.0.1/callback', {}],
    ['warning', 'https://elsewhere.test/callback', {}],
    ['ok', 'https://elsewhere.test/callback', { APP_URL: 'https://elsewhere.test' }],
    ['ok', 'https://login.test/callback,http://localhost:5173/callback', {}],
  ])('finds it %s where REDIRECT_URIS is %s', async (status, REDIRECT_URIS, more) => {
    const corp = await startOpenIdProvider();
    const found = await setUp({ ...corp.settings, JWT_ISSUER: 'https://login.test', REDIRECT_URIS, ...more });
    expect(found.at(-1)).toMatchObject({ check: 'REDIRECT_URIS', status });
  });

  it('warns in production of a page on localhost', async () => {
    const config = parseConfig({ JWT_ISSUER: 'https://login.test', REDIRECT_URIS: 'http://localhost:5173/callback' });
    const { providers } = parseConfig((await startGitHub()).settings);
    const found = await providerChecks.setUp({ ...config, providers, production: true });
    expect(found.at(-1)).toMatchObject({ check: 'REDIRECT_URIS', status: 'warning' });
  });

  it('counts identities of providers that are gone', async () => {
    const corp = await startOpenIdProvider();
    const app = await startAppForTest(corp.settings);
    const stored = (settings: Record<string, string>) =>
      providerChecks.database(parseConfig(settings), app.deps.database);
    await goRound(app, corp);
    expect(await stored(corp.settings)).toMatchObject([{ check: 'identities', status: 'ok' }]);
    expect(await stored({})).toMatchObject([{ status: 'warning', detail: `1 of corp (${corp.issuer})` }]);
  });
});

it('In production an http issuer stops the start, and doctor says so', () => {
  const settings = {
    NODE_ENV: 'production',
    AUTH_SECRET: 'k3mQ9zX1vB7nT5rL8wY2uH6pD4sF0jGa-cE',
    PROVIDERS: 'corp',
    PROVIDER_CORP_ISSUER: 'http://localhost:4001',
    PROVIDER_CORP_CLIENT_ID: 'gatelatch',
    PROVIDER_CORP_CLIENT_SECRET: 'of-gatelatch',
  };
  expect(() => parseConfig(settings)).toThrow(/PROVIDER_CORP_ISSUER must be an https URL/);
});
