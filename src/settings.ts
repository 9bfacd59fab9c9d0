import { z } from 'zod';
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
  rate,
  redisUrl,
  secret,
  smtpUrl,
  trustProxy,
  wholeNumber,
} from './platform/settings/kinds.js';
import { usernameSchema } from './users/fields.js';

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

/** Them as they were read. */
export type Settings = z.infer<typeof settings>;
