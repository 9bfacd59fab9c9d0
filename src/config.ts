import { StartError } from './errors.js';
import { ratesOf } from './limits.js';
import { ownSettings } from './own/settings.js';
import { passkeyConfig, passkeyContradictions } from './passkeys/settings.js';
import { readEnvFile } from './platform/settings/env-file.js';
import { misspelledNames } from './platform/settings/misspelled.js';
import { varietyOf } from './platform/settings/variety.js';
import { type Provider, readProviders } from './providers/settings.js';
import { type Settings, settings } from './settings.js';

/** The settings in the form that the code uses. Durations are in seconds. */
export type Config = ReturnType<typeof shape>;

/** Adds `.env` (if present) to the environment without overriding it, and checks every setting. */
export function loadConfig(): Config {
  // Node may have started its threads already, so a value from .env may have no effect: ignore it.
  const { UV_THREADPOOL_SIZE } = process.env;
  // Libraries look into the environment, too.
  const file = readEnvFile('.env');
  const stray = Object.keys(file).find((name) => name.startsWith('RATE_LIMIT_') && !(name in settings.shape));
  if (stray !== undefined) throw new StartError(`${stray} in .env is no setting; docs/reference/settings.md has all.`);
  for (const [name, value] of Object.entries(file)) process.env[name] ??= value;
  return parseConfig({ ...process.env, UV_THREADPOOL_SIZE });
}

/** Spaces around any other value do not count: files and panels add them, and nobody sees them. */
const asTyped = new Set(['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS', 'ADMIN_PASSWORD', 'DATABASE_URL', 'MAIL_FOLDER']);

/** Checks an environment. @throws StartError with one line per wrong setting, without its value */
export function parseConfig(environment: Record<string, string | undefined>): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, setting] of Object.entries(settings.shape)) {
    const text = asTyped.has(name) ? environment[name] : environment[name]?.trim();
    // Compose files and CI systems pass "nothing" as an empty variable.
    const parsed = setting.safeParse(text === '' ? undefined : text);
    if (parsed.success) values[name] = parsed.data;
    // Only a setting of your own can have no default.
    else if (text === undefined || text === '') problems.push(`${name} must be set.`);
    else problems.push(...parsed.error.issues.map((issue) => `${name} must be ${issue.message}.`));
  }
  for (const { name, meant } of misspelledNames(Object.keys(environment), Object.keys(settings.shape)))
    problems.push(`${name} is no setting. Write ${meant}, or give it a name of its own.`);
  problems.push(...contradictions(values));
  const given = values as Settings;
  const ofProviders = readProviders(given.PROVIDERS ?? [], environment, given.NODE_ENV === 'production');
  problems.push(...ofProviders.problems);
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return shape(given, ofProviders.providers);
}

/** Settings that contradict each other. A setting that is wrong by itself is undefined here and already reported. */
function contradictions(given: Partial<Settings>): string[] {
  const production = given.NODE_ENV === 'production';
  const problems: string[] = [];
  if (production && given.AUTH_SECRET === undefined)
    problems.push(
      'AUTH_SECRET must be set in production: at least 32 random bytes, such as from `openssl rand -base64 48`.',
    );
  // AUTH_SECRET_PREVIOUS may be a bad one: that is how to leave it.
  if (given.AUTH_SECRET && isGuessable(given.AUTH_SECRET, production))
    problems.push(
      'AUTH_SECRET must be a random value of your own, not an example from a file, and no repetition or run. If keys are sealed under it, move it to AUTH_SECRET_PREVIOUS and set a new one.',
    );
  if (given.METRICS_TOKEN && isGuessable(given.METRICS_TOKEN, production))
    problems.push(
      'METRICS_TOKEN must be a random value of your own, not an example from a file, and no repetition or run.',
    );
  if (given.REFRESH_TOKEN_TTL && given.SESSION_MAX_AGE && given.REFRESH_TOKEN_TTL > given.SESSION_MAX_AGE)
    problems.push('REFRESH_TOKEN_TTL must be at most SESSION_MAX_AGE.');
  if (given.COOKIE_PREFIX === 'on' && given.COOKIE_DOMAIN)
    problems.push(
      'COOKIE_DOMAIN must be unset when COOKIE_PREFIX is on: a __Host- cookie has no domain (RFC 6265bis).',
    );
  if (given.JWT_ISSUER && !/^[\w./~%-]*$/.test(new URL(given.JWT_ISSUER).pathname))
    problems.push('JWT_ISSUER must have no other signs in its path than letters, digits, and . / ~ % _ -.');
  if ((given.ADMIN_USERNAME === undefined) !== (given.ADMIN_PASSWORD === undefined))
    problems.push('ADMIN_USERNAME and ADMIN_PASSWORD must be set together, or neither.');
  problems.push(...passkeyContradictions(given, given.APP_URL ?? given.JWT_ISSUER ?? 'http://localhost'));
  return problems;
}

function isGuessable(secret: string, production: boolean): boolean {
  const isFromText = /change.?me|example|your.?secret|secret.?here|^(.)\1+$/i.test(secret);
  return isFromText || (production && varietyOf(secret) < leastVariety);
}

// Of 32 characters by chance, all needed more; see varietyOf.
const leastVariety = 14;

function shape(given: Settings, providers: Provider[]) {
  const issuer = given.JWT_ISSUER ?? `http://localhost:${given.PORT}`;
  const appUrl = given.APP_URL ?? issuer;
  const production = given.NODE_ENV === 'production';
  // A proxy takes it away before it asks us.
  const publicPath = new URL(issuer).pathname.replace(/\/$/, '');
  // A __Host- cookie has no domain (RFC 6265bis §4.1.3.2).
  const prefix = given.COOKIE_PREFIX === undefined ? production && !given.COOKIE_DOMAIN : given.COOKIE_PREFIX === 'on';
  return {
    production,
    /** The path of `JWT_ISSUER`, for everything that a client sees of paths: `/gate`, or empty. */
    publicPath,
    host: given.HOST,
    port: given.PORT,
    keepAlive: given.KEEP_ALIVE_TIMEOUT,
    database: { url: given.DATABASE_URL, poolSize: given.DATABASE_POOL_SIZE },
    authSecret: given.AUTH_SECRET,
    authSecretPrevious: given.AUTH_SECRET_PREVIOUS,
    tokens: {
      algorithm: given.JWT_ALGORITHM,
      issuer,
      audience: given.JWT_AUDIENCE,
      accessTtl: given.ACCESS_TOKEN_TTL,
      refreshTtl: given.REFRESH_TOKEN_TTL,
      refreshGrace: given.REFRESH_GRACE,
      sessionMaxAge: given.SESSION_MAX_AGE,
      maxSessions: given.SESSIONS_PER_USER,
      keyMaxAge: given.SIGNING_KEY_MAX_AGE,
      sources: given.ACCESS_TOKEN_SOURCES,
      /** Whether tokens that were made from an API key are taken. */
      ofKeys: given.API_KEYS !== 'off',
    },
    revocationFeed: given.REVOCATION_FEED,
    /** Nobody else has the key of HS256. */
    revocationList: given.REVOCATION_LIST === 'on' && given.JWT_ALGORITHM !== 'HS256',
    revocationStreams: given.REVOCATION_STREAMS,
    secondFactorPrompt: given.SECOND_FACTOR_PROMPT,
    /** How strong a sign-in every row asks for, and every row below /admin/. */
    acr: { required: given.REQUIRED_ACR, admin: given.ADMIN_ACR ?? given.REQUIRED_ACR },
    /** In seconds. */
    freshAuthMaxAge: given.FRESH_AUTH_MAX_AGE,
    /** In seconds; undefined: no device is trusted. */
    trustedDeviceTtl: given.REQUIRED_ACR === 'aal1' ? given.TRUSTED_DEVICE_TTL : undefined,
    totpIssuer: given.TOTP_ISSUER ?? new URL(issuer).hostname,
    corsOrigins: given.CORS_ORIGINS,
    cookies: {
      sameSite: given.COOKIE_SAMESITE,
      prefix,
      domain: given.COOKIE_DOMAIN,
      publicPath,
      // Some browsers drop Secure cookies over plain http on localhost; everywhere else they must be Secure.
      secure: production || issuer.startsWith('https:') || prefix || given.COOKIE_SAMESITE === 'none',
    },
    trustProxy: given.TRUST_PROXY,
    limits: { on: given.RATE_LIMIT === 'on', redisUrl: given.REDIS_URL, rates: ratesOf(given) },
    passwords: { cost: given.PASSWORD_HASH, minLength: given.PASSWORD_MIN_LENGTH, pepper: given.IMPORTED_PEPPER },
    hashes: {
      concurrency: given.HASH_CONCURRENCY,
      queueLimit: given.HASH_QUEUE,
      poolThreads: given.UV_THREADPOOL_SIZE,
    },
    appUrl,
    passkeys: passkeyConfig(given, { appUrl, issuer, corsOrigins: given.CORS_ORIGINS }),
    providers,
    redirectUris: given.REDIRECT_URIS ?? [`${appUrl}/callback`],
    identityLinking: given.IDENTITY_LINKING,
    apiKeys: {
      /** Whether keys are taken at all, and whether persons make some. */
      on: given.API_KEYS !== 'off',
      forPersons: given.API_KEYS === 'on',
      prefix: given.API_KEY_PREFIX,
      ttl: Math.min(given.API_KEY_TTL, given.API_KEY_MAX_AGE ?? Number.POSITIVE_INFINITY),
      /** In seconds; undefined: without an end. */
      maxAge: given.API_KEY_MAX_AGE,
    },
    invitationTtl: given.INVITATION_TTL,
    webhooks: {
      /** Networks that are reached though they are not public. */
      allow: given.WEBHOOK_ALLOW ?? [],
      /** In seconds. */
      timeout: given.WEBHOOK_TIMEOUT,
      plainHttp: !production,
    },
    mail: {
      smtpUrl: given.SMTP_URL,
      ownHost: new URL(issuer).hostname,
      from: given.MAIL_FROM ?? `Gatelatch <no-reply@${new URL(appUrl).hostname}>`,
      folder: given.MAIL_FOLDER,
      localDomains: given.EMAIL_LOCAL_DOMAINS,
    },
    signup: given.SIGNUP,
    firstAdmin: firstAdmin(given),
    auditRetention: given.AUDIT_RETENTION,
    playground: given.PLAYGROUND === undefined ? !production : given.PLAYGROUND === 'on',
    playgroundService: given.PLAYGROUND_SERVICE,
    shutdownTimeout: given.SHUTDOWN_TIMEOUT,
    metricsToken: given.METRICS_TOKEN,
    tracing: tracing(given),
    logLevel: given.LOG_LEVEL,
    own: own(given),
  };
}

/** OpenTelemetry would send to localhost by default; we send only if an endpoint or exporter is named. */
function tracing(given: Settings) {
  const endpoint = given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = given.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
  return {
    on: given.OTEL_SDK_DISABLED === 'false' && exporter === 'otlp',
    protocol: given.OTEL_EXPORTER_OTLP_PROTOCOL,
    serviceName: given.OTEL_SERVICE_NAME,
  };
}

function firstAdmin({ ADMIN_USERNAME: username, ADMIN_PASSWORD: password }: Settings) {
  return username !== undefined && password !== undefined ? { username, password } : undefined;
}

type OwnName = keyof typeof ownSettings;

function own(given: Settings): Pick<Settings, OwnName> {
  const names = Object.keys(ownSettings) as OwnName[];
  return Object.fromEntries(names.map((name) => [name, given[name]])) as Pick<Settings, OwnName>;
}
