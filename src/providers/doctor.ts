import type { Config } from '../config.js';
import { Prisma } from '../generated/prisma/client.js';
import { oneLine } from '../platform/cli/answer.js';
import { type Finding, ok, problem, warning } from '../platform/cli/finding.js';
import type { Database } from '../platform/db/database.js';
import { boundedFetch } from './bounded-fetch.js';
import { callbackOf } from './callback.js';
import { githubApi } from './github.js';
import { discover } from './openid.js';
import type { Provider } from './settings.js';

/** What `doctor` says of providers. */
export const providerChecks = { setUp: checkSetUp, database: checkStored };

async function checkSetUp(config: Pick<Config, 'providers' | 'tokens' | 'appUrl' | 'redirectUris' | 'production'>) {
  if (config.providers.length === 0) return [];
  const found = await Promise.all(config.providers.map((provider) => checkProvider(provider, config)));
  return [...found.flat(), redirectUris(config)];
}

type Ours = Pick<Config, 'tokens'>;

async function checkProvider(provider: Provider, ours: Ours): Promise<Finding[]> {
  const check = `provider ${provider.name}`;
  return [await seen(check, provider), callback(check, provider, ours)];
}

async function seen(check: string, provider: Provider): Promise<Finding> {
  const { issuer, name } = provider;
  const mend = `Check PROVIDER_${name.toUpperCase()}_ISSUER, and that this machine reaches it: sign-ins by ${name} fail.`;
  try {
    const faults = provider.kind === 'github' ? await faultsOfGithub(issuer) : await faultsOf(provider);
    return faults.length === 0
      ? ok(check, `${issuer} answers`)
      : problem(check, `${issuer}: ${faults.join(', ')}`, mend);
  } catch (error) {
    return problem(check, `${issuer}: ${reasonOf(error)}`, mend);
  }
}

/** It has no discovery. */
async function faultsOfGithub(issuer: string): Promise<string[]> {
  const { status } = await boundedFetch(githubApi(issuer), { headers: { 'User-Agent': 'Gatelatch' } });
  return status >= 500 ? [`its API answers ${status}`] : [];
}

const endpoints = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;

async function faultsOf(provider: Provider): Promise<string[]> {
  const metadata = (await discover(provider)).serverMetadata();
  const { code_challenge_methods_supported: challenges } = metadata;
  return [
    ...endpoints.filter((name) => !isUsable(metadata[name], provider)).map((name) => `discovery has no usable ${name}`),
    ...(challenges && !challenges.includes('S256') ? ['it announces PKCE without S256'] : []),
  ];
}

function isUsable(url: string | undefined, { issuer }: Provider): boolean {
  return url?.startsWith('https://') === true || (issuer.startsWith('http:') && url?.startsWith('http://') === true);
}

/** With what stands behind it: `fetch failed` alone says nothing. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${oneLine(error.cause)})` : '';
  return `${oneLine(error)}${cause}`;
}

const isLocal = (url: string) => /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(url);

/** What is registered there we cannot see. */
function callback(check: string, { name, kind }: Provider, ours: Ours): Finding {
  const uri = callbackOf(ours, name);
  const detail = `the redirect URI to register there is ${uri}`;
  if (uri.startsWith('https://') || (isLocal(uri) && kind !== 'apple')) return ok(check, detail);
  return warning(check, detail, 'Set JWT_ISSUER to the https address that browsers use: the provider takes no other.');
}

type Places = Pick<Config, 'redirectUris' | 'appUrl' | 'production'>;

function redirectUris({ redirectUris, appUrl, production }: Places): Finding {
  const check = 'REDIRECT_URIS';
  const detail = redirectUris.join(', ');
  const forDevelopment = redirectUris.filter((uri) => uri.startsWith('http://localhost'));
  if (production && forDevelopment.length > 0)
    return warning(check, detail, `Take out ${forDevelopment.join(', ')}: that is for development.`);
  const pages = redirectUris.filter((uri) => uri.startsWith('https://') || uri.startsWith('http://localhost'));
  const { origin } = new URL(appUrl);
  if (pages.length === 0 || pages.some((uri) => new URL(uri).origin === origin)) return ok(check, detail);
  return warning(check, detail, `None is a page of APP_URL, ${appUrl}: check that these are the pages of your app.`);
}

/** Identities that open nothing any more. */
async function checkStored(
  { providers }: Pick<Config, 'providers'>,
  { client }: Pick<Database, 'client'>,
): Promise<Finding[]> {
  const issuers = providers.map(({ issuer }) => issuer);
  const lost = await client.$queryRaw<{ provider: string; issuer: string; count: number }[]>(Prisma.sql`
    SELECT provider, issuer, count(*)::int AS count FROM identity WHERE issuer <> ALL(${issuers}::text[])
    GROUP BY provider, issuer ORDER BY provider, issuer LIMIT 20`);
  if (lost.length === 0) return providers.length === 0 ? [] : [ok('identities', 'each is of a provider that is set')];
  const found = lost.map(({ provider, issuer, count }) => `${count} of ${provider} (${issuer})`).join(', ');
  const mend = 'Their users sign in by other means. Put the provider back, with the same issuer, to let them in by it.';
  return [warning('identities', found, mend)];
}
