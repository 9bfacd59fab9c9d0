import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type HashCost, isBearable } from './domain/hash-cost.js';
import { StartError } from './errors.js';
import { usernameSchema } from './fields.js';

const secondsPer = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `15m`, `30d`, or a bare number of seconds → seconds. */
function duration(fallback: string, { min = 1, max = 3650 * 86_400 }: { min?: number; max?: number } = {}) {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const match = /^(\d{1,9})([smhd]?)$/.exec(text);
      const seconds = match ? Number(match[1]) * secondsPer[(match[2] || 's') as keyof typeof secondsPer] : Number.NaN;
      if (seconds >= min && seconds <= max) return seconds;
      context.addIssue(`a duration from ${min} to ${max} seconds, such as 900, 15m, 12h or 30d`);
      return z.NEVER;
    });
}

function integer(fallback: number, min: number, max: number) {
  return wholeNumber(min, max).default(fallback);
}

function wholeNumber(min: number, max: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `a whole number from ${min} to ${max}`,
    })
    .transform(Number);
}

function choice<const Options extends readonly [string, ...string[]]>(options: Options, fallback: Options[number]) {
  return z.enum(options, { error: `one of ${options.join(', ')}` }).default(fallback as z.infer<z.ZodEnum<never>>);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:[^*]+$/.test(text) && new URL(text).origin === text;
}

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !text.endsWith('/'), {
    error: 'an http(s) URL without a slash at its end',
  });

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const databaseUrl = z
  .string()
  .default('pglite:.data/db')
  .refine((text) => /^pglite:.+/.test(text) || (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)), {
    error: 'pglite:<directory>, pglite:memory or postgresql://…',
  });

const secret = z.string().refine((text) => Buffer.byteLength(text) >= 32, { error: 'at least 32 bytes' });

export type AccessTokenSource = 'bearer' | 'cookie' | 'query' | `header:${string}`;

const accessTokenSources = list
  .refine((items) => items.length > 0 && items.every((item) => /^(bearer|cookie|query|header:[\w-]+)$/.test(item)), {
    error: 'a list of bearer, cookie, query and header:<name>',
  })
  .transform((items) => items as AccessTokenSource[]);

/** `false`, a number of hops, or addresses. Never `true`: that would let anybody name their own address. */
const trustProxy = z.string().transform((text, context): false | number | string[] => {
  if (text === 'false') return false;
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const addresses = text.split(',').map((item) => item.trim());
  if (addresses.every((item) => /^(loopback|linklocal|uniquelocal|[\da-f.:]+(\/\d{1,3})?)$/i.test(item)) && text !== '')
    return addresses;
  context.addIssue('false, a number of hops, or a list of addresses and networks (never true)');
  return z.NEVER;
});

/** `10/15m` → ten in fifteen minutes. */
function rate(fallback: string) {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const [points, window] = (/^(\d{1,7})\/(\d{1,7}[smhd]?)$/.exec(text) ?? []).slice(1);
      const seconds = duration('1s', { max: 7 * 86_400 }).safeParse(window);
      if (Number(points) > 0 && seconds.success) return { points: Number(points), seconds: seconds.data };
      context.addIssue('<points>/<window> such as 10/15m: at least 1 point, and a window from 1s to 7d');
      return z.NEVER;
    });
}

const redisUrl = z.string().refine((text) => /^rediss?:\/\/./.test(text) && URL.canParse(text), {
  error: 'redis://[user:password@]host[:port][/number] or rediss://…',
});

const hashCost = z
  .string()
  .default('m=19456,t=2,p=1')
  .transform((text, context): HashCost => {
    const [memoryKiB, passes, parallelism] = (/^m=(\d+),t=(\d+),p=(\d+)$/.exec(text) ?? []).slice(1).map(Number);
    const cost = memoryKiB && passes && parallelism ? { memoryKiB, passes, parallelism } : undefined;
    if (cost && cost.memoryKiB >= 1024 && isBearable(cost)) return cost;
    context.addIssue('argon2id cost as m=<KiB, 1024 to 1048576>,t=<passes, at most 20>,p=<lanes, at most 16>');
    return z.NEVER;
  });

const smtpUrl = z.string().refine((text) => /^smtps?:\/\/./.test(text) && URL.canParse(text), {
  error: 'smtp://[user:password@]host[:port] or smtps://…',
});

const collectorUrl = z.string().refine((text) => /^https?:\/\/./.test(text) && URL.canParse(text), {
  error: 'an http(s) URL such as http://localhost:4318',
});

// One address with or without a name before it, in ASCII: it goes into a header as it stands.
const mailFrom = z
  .string()
  .regex(/^(?:[\w .'-]+ <[^\s<>@,;"]+@[a-z\d.-]+>|[^\s<>@,;"]+@[a-z\d.-]+)$/i, 'an address, or Name <address>');

/** Every setting, by the name of its environment variable. `.env.example` lists the same names and defaults. */
export const settings = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: integer(3000, 0, 65_535),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATABASE_URL: databaseUrl,
  DATABASE_POOL_SIZE: integer(10, 1, 1000),
  REDIS_URL: redisUrl.optional(),
  AUTH_SECRET: secret.optional(),
  AUTH_SECRET_PREVIOUS: secret.optional(),
  SIGNING_KEY_MAX_AGE: duration('90d', { min: 600 }),
  REVOCATION_FEED: choice(['listen', 'poll'], 'listen'),
  JWT_ALGORITHM: choice(['ES256', 'RS256', 'HS256'], 'ES256'),
  JWT_ISSUER: httpUrl.optional(),
  JWT_AUDIENCE: z.string().min(1).max(200).default('gatelatch'),
  ACCESS_TOKEN_TTL: duration('15m', { max: 86_400 }),
  REFRESH_TOKEN_TTL: duration('30d'),
  ACCESS_TOKEN_SOURCES: z.string().default('bearer,cookie').pipe(accessTokenSources),
  REFRESH_GRACE: duration('30s', { min: 0, max: 3600 }),
  SESSION_MAX_AGE: duration('90d'),
  CORS_ORIGINS: list
    .refine((items) => items.every(isOrigin), { error: 'a list of origins such as https://app.example (never *)' })
    .default([]),
  COOKIE_SAMESITE: choice(['lax', 'strict', 'none'], 'lax'),
  COOKIE_PREFIX: choice(['off', 'on'], 'off'),
  COOKIE_DOMAIN: z
    .string()
    .regex(/^[a-z0-9.-]+$/i, 'a domain such as example.com')
    .optional(),
  TRUST_PROXY: z.string().default('false').pipe(trustProxy),
  RATE_LIMIT: choice(['on', 'off'], 'on'),
  RATE_LIMIT_LOGIN_ADDRESS: rate('50/15m'),
  RATE_LIMIT_LOGIN_ACCOUNT: rate('10/15m'),
  RATE_LIMIT_LOGIN_DEVICE: rate('10/15m'),
  RATE_LIMIT_SIGNUP: rate('100/1h'),
  RATE_LIMIT_PASSWORD: rate('10/15m'),
  RATE_LIMIT_MAIL: rate('5/1h'),
  RATE_LIMIT_MAIL_ADDRESS: rate('20/1h'),
  RATE_LIMIT_REFRESH: rate('60/5m'),
  RATE_LIMIT_GENERAL: rate('1200/1m'),
  PASSWORD_HASH: hashCost,
  PASSWORD_MIN_LENGTH: integer(15, 8, 64),
  HASH_CONCURRENCY: wholeNumber(1, 1000).optional(),
  HASH_QUEUE: integer(300, 0, 100_000),
  UV_THREADPOOL_SIZE: integer(4, 1, 1024),
  APP_URL: httpUrl.optional(),
  ADMIN_USERNAME: z
    .string()
    .refine((text) => usernameSchema.safeParse(text).success, {
      error: '3 to 32 of a-z, A-Z, 0-9, dot, underscore, hyphen',
    })
    .optional(),
  ADMIN_PASSWORD: z.string().optional(),
  AUDIT_RETENTION: duration('365d'),
  SMTP_URL: smtpUrl.optional(),
  MAIL_FROM: mailFrom.optional(),
  MAIL_FOLDER: z.string().min(1).default('.data/mail'),
  SIGNUP: choice(['open', 'verified', 'closed'], 'open'),
  PLAYGROUND: z.enum(['on', 'off'], { error: 'on or off' }).optional(),
  SHUTDOWN_TIMEOUT: duration('10s', { max: 600 }),
  METRICS_TOKEN: secret.optional(),
  OTEL_SDK_DISABLED: choice(['false', 'true'], 'false'),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none'], { error: 'one of otlp, none' }).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice(['http/protobuf', 'http/json'], 'http/protobuf'),
  OTEL_SERVICE_NAME: z.string().min(1).max(200).default('gatelatch'),
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
});

type Settings = z.infer<typeof settings>;

/** The settings as the code speaks of them. Durations are in seconds. */
export type Config = ReturnType<typeof shape>;

/** Reads `.env` (where there is one) into the environment without overriding it, and checks every setting. */
export function loadConfig(): Config {
  // Node has its threads by now: what .env says of them comes too late, and must not be believed.
  const { UV_THREADPOOL_SIZE } = process.env;
  if (existsSync('.env')) process.loadEnvFile('.env');
  return parseConfig({ ...process.env, UV_THREADPOOL_SIZE });
}

/**
 * Checks an environment.
 * @throws StartError with one line for each wrong setting: its name and what it may be, never its value.
 */
export function parseConfig(environment: Record<string, string | undefined>): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, setting] of Object.entries(settings.shape)) {
    // An empty variable means an unset one: that is how compose files and CI systems pass "nothing".
    const parsed = setting.safeParse(environment[name] === '' ? undefined : environment[name]);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name} must be ${issue.message}.`));
  }
  problems.push(...contradictions(values));
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return shape(values as Settings);
}

/** What is wrong between settings; one that is wrong in itself, and so undefined here, is told of already. */
function contradictions(given: Partial<Settings>): string[] {
  const production = given.NODE_ENV === 'production';
  const problems: string[] = [];
  if (production && given.AUTH_SECRET === undefined)
    problems.push(
      'AUTH_SECRET must be set in production: at least 32 random bytes, such as from `openssl rand -base64 48`.',
    );
  if (given.AUTH_SECRET && /change.?me|example|your.?secret|secret.?here|^(.)\1+$/i.test(given.AUTH_SECRET))
    problems.push('AUTH_SECRET must be a random value of your own, not an example from a file.');
  if (given.REFRESH_TOKEN_TTL && given.SESSION_MAX_AGE && given.REFRESH_TOKEN_TTL > given.SESSION_MAX_AGE)
    problems.push('REFRESH_TOKEN_TTL must be at most SESSION_MAX_AGE.');
  if (given.COOKIE_PREFIX === 'on' && given.COOKIE_DOMAIN)
    problems.push(
      'COOKIE_DOMAIN must be unset when COOKIE_PREFIX is on: a __Host- cookie has no domain (RFC 6265bis).',
    );
  if ((given.ADMIN_USERNAME === undefined) !== (given.ADMIN_PASSWORD === undefined))
    problems.push('ADMIN_USERNAME and ADMIN_PASSWORD must be set together, or neither.');
  return problems;
}

function shape(given: Settings) {
  const issuer = given.JWT_ISSUER ?? `http://localhost:${given.PORT}`;
  const production = given.NODE_ENV === 'production';
  return {
    production,
    host: given.HOST,
    port: given.PORT,
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
      keyMaxAge: given.SIGNING_KEY_MAX_AGE,
      sources: given.ACCESS_TOKEN_SOURCES,
    },
    revocationFeed: given.REVOCATION_FEED,
    corsOrigins: given.CORS_ORIGINS,
    cookies: {
      sameSite: given.COOKIE_SAMESITE,
      prefix: given.COOKIE_PREFIX === 'on',
      domain: given.COOKIE_DOMAIN,
      // Over plain http on localhost some browsers drop Secure cookies; everywhere else they must be Secure.
      secure:
        production || issuer.startsWith('https:') || given.COOKIE_PREFIX === 'on' || given.COOKIE_SAMESITE === 'none',
    },
    trustProxy: given.TRUST_PROXY,
    limits: { on: given.RATE_LIMIT === 'on', redisUrl: given.REDIS_URL, rates: ratesOf(given) },
    passwords: { cost: given.PASSWORD_HASH, minLength: given.PASSWORD_MIN_LENGTH },
    hashes: {
      concurrency: given.HASH_CONCURRENCY,
      queueLimit: given.HASH_QUEUE,
      poolThreads: given.UV_THREADPOOL_SIZE,
    },
    appUrl: given.APP_URL ?? issuer,
    mail: {
      smtpUrl: given.SMTP_URL,
      from: given.MAIL_FROM ?? `Gatelatch <no-reply@${new URL(given.APP_URL ?? issuer).hostname}>`,
      folder: given.MAIL_FOLDER,
    },
    signup: given.SIGNUP,
    firstAdmin: firstAdmin(given),
    auditRetention: given.AUDIT_RETENTION,
    playground: given.PLAYGROUND === undefined ? !production : given.PLAYGROUND === 'on',
    shutdownTimeout: given.SHUTDOWN_TIMEOUT,
    metricsToken: given.METRICS_TOKEN,
    tracing: tracing(given),
    logLevel: given.LOG_LEVEL,
  };
}

/**
 * Whether traces are sent, by OpenTelemetry's own variables, and what we have to know for it; its packages read the
 * others. They would send to localhost by default: here nothing is sent until an endpoint or an exporter is named.
 */
function tracing(given: Settings) {
  const endpoint = given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = given.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
  return {
    on: given.OTEL_SDK_DISABLED === 'false' && exporter === 'otlp',
    protocol: given.OTEL_EXPORTER_OTLP_PROTOCOL,
    serviceName: given.OTEL_SERVICE_NAME,
  };
}

function ratesOf(given: Settings) {
  return {
    login_address: given.RATE_LIMIT_LOGIN_ADDRESS,
    login_account: given.RATE_LIMIT_LOGIN_ACCOUNT,
    login_device: given.RATE_LIMIT_LOGIN_DEVICE,
    signup: given.RATE_LIMIT_SIGNUP,
    password: given.RATE_LIMIT_PASSWORD,
    mail: given.RATE_LIMIT_MAIL,
    mail_address: given.RATE_LIMIT_MAIL_ADDRESS,
    refresh: given.RATE_LIMIT_REFRESH,
    general: given.RATE_LIMIT_GENERAL,
  };
}

function firstAdmin({ ADMIN_USERNAME: username, ADMIN_PASSWORD: password }: Settings) {
  return username !== undefined && password !== undefined ? { username, password } : undefined;
}
