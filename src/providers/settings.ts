import { createPrivateKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { choice, list } from '../platform/settings/kinds.js';
import { isRedirectUri } from './redirect-uris.js';

const providerName = /^[a-z][a-z\d_]{0,31}$/;

export const providerSettings = {
  PROVIDERS: list
    .refine((names) => names.every((name) => providerName.test(name)) && new Set(names).size === names.length, {
      error: 'a list of different names in lower case, such as google,apple,github,corp',
    })
    .default([])
    .describe(
      'Who vouches for people besides this server, separated by commas: `google`, `apple`, `github`, or a name of your own for an OpenID provider. Each has settings of its own.',
    ),
  IDENTITY_LINKING: choice(['ask', 'verified', 'off'], 'ask').describe(
    'What happens if a provider vouches for an address that a user here has. `ask`: they sign in as that user and link the provider. `verified`: they are signed in and linked at once if the address is verified here too. `off`: a new user, without the address.',
  ),
  REDIRECT_URIS: list
    .refine((items) => items.every(isRedirectUri), {
      error:
        'a list of https URLs, http://localhost and http://127.0.0.1 URLs, and URIs of apps such as com.example.app:/callback',
    })
    .optional()
    .meta({
      description:
        'Where a sign-in by a provider may lead back to, separated by commas. They are compared exactly; `http://127.0.0.1` with any port. Unset: `<APP_URL>/callback`.',
      computed: 'http://localhost:3000/callback',
    }),
};

const text = z.string().min(1).max(500);

const privateKey = z.string().transform((pem, context): KeyObject => {
  try {
    // One line of a file of settings has no line breaks.
    const key = createPrivateKey(pem.replaceAll('\\n', '\n'));
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {}
  context.addIssue('the key in the .p8 file from Apple, with its lines joined by \\n');
  return z.NEVER;
});

/** The settings of each provider, by what stands behind `PROVIDER_<NAME>_`. */
const fields = {
  CLIENT_ID: text.describe('What the provider calls this server.').optional(),
  CLIENT_SECRET: text.optional().describe('What the provider gave with it. Not for `apple`.'),
  ISSUER: z
    .string()
    .refine((url) => URL.canParse(url) && /^https?:\/\/[^\s?#@]+$/.test(url), { error: 'an http(s) URL' })
    .optional()
    .describe(
      'The `issuer` of the OpenID provider, as its discovery says it; for `github` the base URL of an Enterprise Server. Known for `google`, `apple` and `github`.',
    ),
  LABEL: z.string().min(1).max(64).optional().describe('The name that people see.'),
  SCOPES: z
    .string()
    .regex(/^[\w:./-]+(?: [\w:./-]+)*$/, 'scopes, separated by spaces')
    .optional()
    .describe('What is asked for. Unset: `openid email profile`; what `apple` and `github` need.'),
  CLIENT_AUTH: z
    .enum(['basic', 'post'], { error: 'one of basic, post' })
    .optional()
    .describe('How the secret is sent. Unset: `basic`, unless the provider says that it takes only `post`.'),
  TRUST_EMAIL: choice(['never', 'verified'], 'never').describe(
    '`verified`: an address counts as verified here if the provider says so. Only for a provider that checks addresses itself. Not for `google`, `apple` and `github`, whose rules are known.',
  ),
  ACR: z
    .string()
    .regex(/^\S+:aal2$/, '<their acr or amr>:aal2, such as mfa:aal2')
    .optional()
    .describe('What the provider says in `acr` or `amr` where two factors were used. Unset: a sign-in is `aal1`.'),
  TEAM_ID: text.optional().describe('Only for `apple`: the id of the team.'),
  KEY_ID: text.optional().describe('Only for `apple`: the id of the key.'),
  PRIVATE_KEY: privateKey.optional().describe('Only for `apple`: the key in the .p8 file, its lines joined by `\\n`.'),
};

type Fields = z.output<z.ZodObject<typeof fields>>;

/** For the reference: `<NAME>` is the provider's name in upper case. */
export const eachProviderSettings = Object.fromEntries(
  Object.entries(fields).map(([field, schema]) => [`PROVIDER_<NAME>_${field}`, schema]),
);

export type Provider = {
  name: string;
  label: string;
  kind: 'oidc' | 'google' | 'apple' | 'github';
  issuer: string;
  clientId: string;
  /** Apple's is made anew each time. */
  secret: { text: string } | { teamId: string; keyId: string; privateKey: KeyObject };
  clientAuth: 'basic' | 'post' | undefined;
  scopes: string;
  trustsEmail: boolean;
  /** The `acr` or `amr` that stands for two factors. */
  twoFactors: string | undefined;
};

type Known = Pick<Provider, 'kind' | 'label' | 'issuer' | 'scopes'>;

const known: Record<string, Known> = {
  google: { kind: 'google', label: 'Google', issuer: 'https://accounts.google.com', scopes: 'openid email profile' },
  apple: { kind: 'apple', label: 'Apple', issuer: 'https://appleid.apple.com', scopes: 'openid email name' },
  github: { kind: 'github', label: 'GitHub', issuer: 'https://github.com', scopes: 'read:user user:email' },
};

function defaultsOf(name: string): Omit<Known, 'issuer'> & { issuer?: string } {
  const label = name.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());
  return known[name] ?? { kind: 'oidc', label, scopes: 'openid email profile' };
}

type Environment = Record<string, string | undefined>;

/** The providers that are named, and what is wrong with their settings: a line each, without its value. */
export function readProviders(
  names: string[],
  environment: Environment,
  production: boolean,
): { providers: Provider[]; problems: string[] } {
  const problems: string[] = [];
  const providers = names.map((name) => {
    const prefix = `PROVIDER_${name.toUpperCase()}_`;
    const { given, problems: ofFields } = readFields(prefix, environment);
    const provider = { ...defaultsOf(name), name };
    // One wrong setting makes others look missing.
    const found = ofFields.length > 0 ? ofFields : contradictions(prefix, given, provider, production);
    problems.push(...found, ...strangers(prefix, environment, names));
    return providerOf(given, provider);
  });
  return { providers: problems.length > 0 ? [] : providers, problems };
}

function readFields(prefix: string, environment: Environment): { given: Fields; problems: string[] } {
  const problems: string[] = [];
  const values = Object.entries(fields).map(([field, schema]) => {
    const value = environment[`${prefix}${field}`]?.trim();
    const parsed = schema.safeParse(value === '' ? undefined : value);
    if (!parsed.success)
      problems.push(...parsed.error.issues.map(({ message }) => `${prefix}${field} must be ${message}.`));
    return [field, parsed.data];
  });
  return { given: Object.fromEntries(values), problems };
}

/** Names that begin as this provider's and are no setting. A longer name of a provider may begin alike. */
function strangers(prefix: string, environment: Environment, names: string[]): string[] {
  const others = names.map((name) => `PROVIDER_${name.toUpperCase()}_`).filter((other) => other.length > prefix.length);
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !others.some((other) => name.startsWith(other)))
    .filter((name) => !(name.slice(prefix.length) in fields))
    .map((name) => `${name} is no setting; docs/reference/settings.md has all.`);
}

type Named = ReturnType<typeof defaultsOf> & { name: string };

function contradictions(prefix: string, given: Fields, { kind, issuer, scopes }: Named, production: boolean): string[] {
  const needed: (keyof Fields)[] = [
    'CLIENT_ID',
    ...(issuer === undefined ? (['ISSUER'] as const) : []),
    ...(kind === 'apple' ? (['TEAM_ID', 'KEY_ID', 'PRIVATE_KEY'] as const) : (['CLIENT_SECRET'] as const)),
  ];
  const needless: (keyof Fields)[] = [
    ...(kind === 'apple'
      ? (['CLIENT_SECRET', 'CLIENT_AUTH'] as const)
      : (['TEAM_ID', 'KEY_ID', 'PRIVATE_KEY'] as const)),
    ...(kind === 'github' ? (['ACR'] as const) : []),
  ];
  const asks = (given.SCOPES ?? scopes).split(' ');
  const { hostname, protocol } = new URL(given.ISSUER ?? issuer ?? 'https://localhost');
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return [
    ...needed.filter((field) => given[field] === undefined).map((field) => `${prefix}${field} must be set.`),
    ...needless.filter((field) => given[field] !== undefined).map((field) => `${prefix}${field} means nothing here.`),
    ...(kind !== 'oidc' && given.TRUST_EMAIL !== 'never' ? [`${prefix}TRUST_EMAIL means nothing here.`] : []),
    ...(kind !== 'github' && !asks.includes('openid') ? [`${prefix}SCOPES must have openid.`] : []),
    ...(protocol === 'http:' && (production || !isLocal)
      ? [`${prefix}ISSUER must be an https URL; http is for localhost, outside production.`]
      : []),
  ];
}

/** @param given without contradictions */
function providerOf(given: Fields, { name, kind, label, issuer = '', scopes }: Named): Provider {
  const { TEAM_ID: teamId = '', KEY_ID: keyId = '', PRIVATE_KEY } = given;
  return {
    name,
    kind,
    label: given.LABEL ?? label,
    issuer: given.ISSUER ?? issuer,
    clientId: given.CLIENT_ID ?? '',
    secret: PRIVATE_KEY ? { teamId, keyId, privateKey: PRIVATE_KEY } : { text: given.CLIENT_SECRET ?? '' },
    clientAuth: given.CLIENT_AUTH,
    scopes: given.SCOPES ?? scopes,
    trustsEmail: given.TRUST_EMAIL === 'verified',
    twoFactors: given.ACR?.replace(/:aal2$/, ''),
  };
}
