import { z } from 'zod';
import { apiKeySettings } from './api-keys/settings.js';
import { limitSettings } from './limits.js';
import { ownSettings } from './own/settings.js';
import { passkeySettings } from './passkeys/settings.js';
import { hashCost } from './passwords/hash-cost.js';
import {
  accessTokenSources,
  choice,
  collectorUrl,
  databaseUrl,
  duration,
  httpUrl,
  integer,
  isOrigin,
  list,
  mailFrom,
  redisUrl,
  secret,
  smtpUrl,
  wholeNumber,
} from './platform/settings/kinds.js';
import { trustProxy } from './platform/settings/trust-proxy.js';
import { eachProviderSettings, providerSettings } from './providers/settings.js';
import { acrValues } from './sessions/authentication.js';
import { usernameSchema } from './users/fields.js';
import { webhookSettings } from './webhooks/settings.js';

/**
 * `npm run docs` makes `.env.example` and docs/reference/settings.md from these. `computed` is a default from others.
 */
const listening = {
  NODE_ENV: choice(['production', 'development', 'test'], 'development').describe(
    '`production`: `AUTH_SECRET` must be set, cookies are `Secure`, and the playground is off.',
  ),
  PORT: integer(3000, 0, 65_535).describe('The port on which it listens; 0 takes a free one.'),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'The address on which it listens; `0.0.0.0` is every address of the machine. The Docker image sets that.',
    ),
};

const database = {
  DATABASE_URL: databaseUrl.describe(
    'The database: `pglite:<directory>` or `pglite:memory` is embedded and for one process, `postgresql://…` is a server; `?schema=<name>` names the schema.',
  ),
  DATABASE_POOL_SIZE: integer(10, 1, 1000).describe(
    'How many connections each instance opens to a Postgres server; it opens one more to listen.',
  ),
  REDIS_URL: redisUrl
    .optional()
    .describe(
      'Where instances count limits together. Unset: in the Postgres server, or in memory with an embedded database.',
    ),
};

const secrets = {
  AUTH_SECRET: secret
    .optional()
    .describe(
      'Seals the keys in the database. Use what `openssl rand -hex 32` prints. Unset: made on the first start and kept in `.data/auth-secret`.',
    ),
  AUTH_SECRET_PREVIOUS: secret
    .optional()
    .describe('The secret before, while you change it: it opens the keys, but no longer seals them.'),
};

const tokens = {
  JWT_ALGORITHM: choice(['ES256', 'RS256', 'HS256'], 'ES256').describe(
    'The algorithm that signs access tokens. Older keys still verify after a change.',
  ),
  SIGNING_KEY_MAX_AGE: duration('90d', { min: 600 }).describe(
    'The age at which the next key replaces the key that signs.',
  ),
  JWT_ISSUER: httpUrl.optional().meta({
    description:
      'The public URL of this server, with the path that a proxy takes away, if any. It is in every token and is checked. Unset: `http://localhost:<PORT>`.',
    computed: 'http://localhost:3000',
  }),
  JWT_AUDIENCE: z
    .string()
    .min(1)
    .max(200)
    .default('gatelatch')
    .describe('The name of the services that accept the tokens. It is in every token and is checked.'),
  ACCESS_TOKEN_TTL: duration('15m', { max: 86_400 }).describe('How long an access token is good.'),
  REFRESH_TOKEN_TTL: duration('30d').describe(
    'A session ends after this time without a refresh. Some sessions last up to an hour longer.',
  ),
  REVOCATION_FEED: choice(['listen', 'poll'], 'listen').describe(
    'How instances learn of sessions that others ended: by LISTEN, or by a query every 500 ms for poolers without LISTEN.',
  ),
  ACCESS_TOKEN_SOURCES: z
    .string()
    .default('bearer,cookie')
    .pipe(accessTokenSources)
    .describe(
      'Where the server looks for an access token: `bearer`, `cookie`, `query` and `header:<name>`, separated by commas.',
    ),
  REFRESH_GRACE: duration('30s', { min: 0, max: 3600 }).describe(
    'How long a replaced refresh token is still accepted, for lost responses and several tabs.',
  ),
  REVOCATION_LIST: choice(['on', 'off'], 'on').describe(
    'Whether other services can hear what ended: `/.well-known/revocations` and its stream. It has hashes of ids only.',
  ),
  REVOCATION_STREAMS: integer(1000, 0, 100_000).describe('How many services may listen to one instance at once.'),
  SESSION_MAX_AGE: duration('90d').describe('A session ends after this time in any case.'),
  SESSIONS_PER_USER: integer(100, 1, 10_000).describe(
    'How many live sessions a user may have. A login past it ends the oldest one.',
  ),
};

const signingIn = {
  SECOND_FACTOR_PROMPT: choice(['after-password', 'with-password'], 'after-password').describe(
    '`with-password`: a login without the right code looks like one with a wrong password, so that it does not tell whether a stolen password is right. Clients must then send password and code together.',
  ),
  REQUIRED_ACR: choice(acrValues, 'aal1').describe(
    'How strong a sign-in must be to use more than a few routes: `aal2` is two factors, `phr` a passkey. Users who lack one can sign in and add it.',
  ),
  ADMIN_ACR: z
    .enum(acrValues, { error: `one of ${acrValues.join(', ')}` })
    .optional()
    .meta({ description: 'The same for the routes below `/admin/`. Unset: as `REQUIRED_ACR`.', computed: 'aal1' }),
  FRESH_AUTH_MAX_AGE: duration('15m', { min: 60, max: 86_400 }).describe(
    'How long after a sign-in its user may change their sign-in methods without proving again who they are.',
  ),
  TRUSTED_DEVICE_TTL: z
    .string()
    .default('30d')
    .transform((text, context) => {
      if (text === 'off') return undefined;
      const seconds = duration('30d').safeParse(text);
      if (seconds.success) return seconds.data;
      context.addIssue('off, or a duration such as 30d');
      return z.NEVER;
    })
    .describe('How long a device is spared the second factor if its user wishes so. `off`: never.'),
  TOTP_ISSUER: z
    .string()
    .regex(/^[^:]{1,64}$/, 'a name without a colon, of at most 64 characters')
    .optional()
    .meta({
      description: 'The name that authenticator apps show. Unset: the host of `JWT_ISSUER`.',
      computed: 'localhost',
    }),
};

const browsers = {
  CORS_ORIGINS: list
    .refine((items) => items.every(isOrigin), {
      error: 'a list of origins such as https://app.example or capacitor://localhost (never *)',
    })
    .default([])
    .describe(
      'Origins of front ends on other hosts, of apps with a web view and of browser extensions, separated by commas. They are compared exactly.',
    ),
  COOKIE_SAMESITE: choice(['lax', 'strict', 'none'], 'lax').describe(
    '`none` is for a front end on another site; cookies are then `Secure`.',
  ),
  COOKIE_PREFIX: z.enum(['off', 'on'], { error: 'one of off, on' }).optional().meta({
    description:
      '`on` names the cookies `__Host-…`, which no other host of the domain can set, and `__Secure-…`. `__Secure-` alone only keeps out pages without HTTPS; so a refresh by cookie needs the `__Host-` cookie of the same session. Unset: `off`, and `on` in production without `COOKIE_DOMAIN`.',
    computed: 'off',
  }),
  COOKIE_DOMAIN: z
    .string()
    .regex(/^\.?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.|$))+(?<!\.)$/i, 'a domain such as example.com')
    .optional()
    .describe('The domain that the cookies are for. Unset: this host alone.'),
  KEEP_ALIVE_TIMEOUT: duration('65s', { max: 86_400 }).describe(
    'How long an idle connection stays open: longer than the proxy in front keeps it, or the proxy may send a request into a closing one.',
  ),
  TRUST_PROXY: z
    .string()
    .default('false')
    .pipe(trustProxy)
    .describe('How many proxies stand in front, or their addresses, separated by commas. Never `true`.'),
};

const limits = {
  RATE_LIMIT: choice(['on', 'off'], 'on').describe('`off`: no limits at all. For measurements only.'),
  ...limitSettings,
};

const passwords = {
  PASSWORD_HASH: hashCost.describe(
    'The cost of a hash (argon2id): memory in KiB, passes, lanes. A higher one applies from a user’s next login.',
  ),
  HASH_CONCURRENCY: wholeNumber(1, 1000)
    .optional()
    .describe(
      'How many hashes run at once. Unset: what cores, memory and threads allow; the limits of a container count.',
    ),
  HASH_QUEUE: integer(300, 0, 100_000).describe(
    'How many requests may wait for a hash. Further ones, and those that would wait too long, are answered `503 overloaded` at once.',
  ),
  UV_THREADPOOL_SIZE: integer(4, 1, 1024).describe(
    'Node’s threads for hashes, DNS and files; use two more than hashes at once. It is read from the environment only: `.env` is too late, except with Docker. `npm start` and the image set 16.',
  ),
  IMPORTED_PEPPER: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The `pepper` of Devise, for imported hashes that begin with `{devise}`. Keep it until all have logged in.',
    ),
  PASSWORD_MIN_LENGTH: integer(15, 8, 64).describe('The shortest new password, in characters.'),
  SIGNUP: choice(['open', 'verified', 'closed'], 'open').describe(
    '`verified`: a sign-up counts once its mailed link is opened. `closed`: only an operator creates users.',
  ),
};

const mail = {
  SMTP_URL: smtpUrl
    .optional()
    .describe(
      'Where mail is sent: `smtp://user:password@host:587?requireTLS=true`, or `smtps://…` for TLS from the start. Unset: each mail is a file in `MAIL_FOLDER`.',
    ),
  MAIL_FROM: mailFrom.optional().meta({
    description:
      'The sender of mails: an address, or `Name <address>`, the name in any alphabet, or in quotes. Unset: `no-reply` at the host of `APP_URL`.',
    computed: 'Gatelatch <no-reply@localhost>',
  }),
  MAIL_FOLDER: z.string().min(1).default('.data/mail').describe('The folder for mails while `SMTP_URL` is unset.'),
  EMAIL_LOCAL_DOMAINS: list
    .refine((items) => items.every((item) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/.test(item)), {
      error: 'a list of names without a dot, in lower case, such as localhost',
    })
    .default([])
    .describe(
      'Domains without a dot that e-mail addresses of users may have, separated by commas: for a network that is closed to the internet.',
    ),
  APP_URL: httpUrl.optional().meta({
    description:
      'Your front end: the links in mails lead there, and requests from its origin may use cookies. Unset: `JWT_ISSUER`.',
    computed: 'http://localhost:3000',
  }),
};

const invitations = {
  INVITATION_TTL: duration('7d').describe('How long an invitation is good.'),
};

const administration = {
  ADMIN_USERNAME: z
    .string()
    .refine((text) => usernameSchema.safeParse(text).success, {
      error: '3 to 32 of a-z, A-Z, 0-9, dot, underscore, hyphen',
    })
    .optional()
    .describe(
      'The first admin, created at start if there is none: a new user, or the user of this name if the password is correct. Remove both settings afterwards.',
    ),
  ADMIN_PASSWORD: z
    .string()
    .optional()
    .describe(
      'The password of that admin. It must follow the rules for new passwords. An existing password is never changed.',
    ),
  AUDIT_RETENTION: duration('365d').describe('How long audit events are kept.'),
};

const running = {
  PLAYGROUND: z.enum(['on', 'off'], { error: 'on or off' }).optional().meta({
    description: 'The page at `/` to try everything. Unset: `on`, and `off` in production.',
    computed: 'on',
  }),
  PLAYGROUND_SERVICE: z
    .string()
    .refine((text) => /^https?:\/\/[\w.-]+(:\d+)?(\/[\w./~-]*)?$/.test(text) && URL.canParse(text), {
      error: 'http(s)://host[:port][/path]',
    })
    .optional()
    .describe(
      'A route of another service that checks tokens, such as `http://localhost:4000/orders`. The playground knocks there, too. Unset: it talks to this server alone.',
    ),
  SHUTDOWN_TIMEOUT: duration('10s', { max: 600 }).describe('How long a stop waits for requests in flight.'),
  METRICS_TOKEN: secret
    .optional()
    .describe('A client that sends it as a bearer token may read `/metrics`. Unset: only this machine may.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl
    .optional()
    .describe(
      'Where traces are sent (OTLP over HTTP). Unset: nowhere. OpenTelemetry’s other variables count too, such as `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER` and `OTEL_RESOURCE_ATTRIBUTES`.',
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl
    .optional()
    .describe('The same for traces alone: the whole URL with its path.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice(['http/protobuf', 'http/json'], 'http/protobuf').describe(
    'The format of the traces.',
  ),
  OTEL_TRACES_EXPORTER: z
    .enum(['otlp', 'none'], { error: 'one of otlp, none' })
    .optional()
    .describe('Whether traces are sent. Unset: `otlp` if there is an endpoint.'),
  OTEL_SDK_DISABLED: choice(['false', 'true'], 'false').describe('`true`: no traces, whatever else is set.'),
  OTEL_SERVICE_NAME: z.string().min(1).max(200).default('gatelatch').describe('The name under which traces are found.'),
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info').describe(
    'The lowest level that is logged, as JSON lines on standard output.',
  ),
};

export const settingGroups = {
  'Where it listens': listening,
  Database: database,
  Secrets: secrets,
  'Tokens and sessions': tokens,
  'Second factor': signingIn,
  'Browsers and proxies': browsers,
  'Rate limits': limits,
  'Passwords and sign-up': passwords,
  Passkeys: passkeySettings,
  Providers: providerSettings,
  'Each provider': eachProviderSettings,
  'API keys': apiKeySettings,
  Invitations: invitations,
  Webhooks: webhookSettings,
  Mail: mail,
  Administration: administration,
  'Running it': running,
  'Your own rows': ownSettings,
};

export const settings = z.object({
  ...listening,
  ...database,
  ...secrets,
  ...tokens,
  ...signingIn,
  ...browsers,
  ...limits,
  ...passwords,
  ...passkeySettings,
  ...providerSettings,
  ...apiKeySettings,
  ...invitations,
  ...webhookSettings,
  ...mail,
  ...administration,
  ...running,
  ...ownSettings,
});

export type Settings = z.infer<typeof settings>;
