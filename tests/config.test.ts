import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Config, parseConfig } from '../src/config.js';
import { StartError } from '../src/errors.js';
import { ownSettings } from '../src/own/settings.js';
import { settings } from '../src/settings.js';

const secret = 'k3wn2-2jf9s-0aqpl-19dkz-m4x7c-55tyu';
const day = 86_400;
const rates = {
  good: { '3/1m': { points: 3, seconds: 60 }, '100/1d': { points: 100, seconds: 86_400 } },
  bad: ['3', '0/1m', '3/0', '-1/1m', '3 per minute'],
};
const durations = { bad: ['15 m', '15min', '-5m', '1.5h', 'm15', 'forever', '9999999999'] };

type Case = {
  /** Its place in the configuration. */
  at: (config: Config) => unknown;
  /** Its value if nothing is set. */
  default: unknown;
  good: Record<string, unknown>;
  bad: string[];
};

/** Every setting of ours: its place, its default, and accepted and refused values. */
const cases: Record<Exclude<keyof typeof settings.shape, keyof typeof ownSettings>, Case> = {
  NODE_ENV: {
    at: (c) => c.production,
    default: false,
    good: { development: false, test: false },
    bad: ['Production', 'PRODUCTION', '"production"', "'production'", 'prod', 'staging', 'production;'],
  },
  PORT: {
    at: (c) => c.port,
    default: 3000,
    good: { 0: 0, 65535: 65_535 },
    bad: ['65536', '-1', '80.5', 'http', '0x50', '8 0'],
  },
  HOST: { at: (c) => c.host, default: '127.0.0.1', good: { '0.0.0.0': '0.0.0.0', '::1': '::1' }, bad: [] },
  DATABASE_URL: {
    at: (c) => c.database.url,
    default: 'pglite:.data/db',
    good: Object.fromEntries(
      [
        'pglite:memory',
        'pglite:/x@y#z',
        'postgresql://u:p@h/d',
        'postgres://h',
        'postgresql://u:p%40%23%2F%3F@h:5432/d?sslmode=require&application_name=a@b/c',
        'postgresql:///d?host=/var/run/postgresql',
        'postgresql://u@%2Fvar%2Frun/d',
      ].map((url) => [url, url]),
    ),
    bad: ['pglite:', 'mysql://u:hunter2@h/d', 'file:/x', 'h:5432', 'postgresql:h'],
  },
  DATABASE_POOL_SIZE: {
    at: (c) => c.database.poolSize,
    default: 10,
    good: { 1: 1, 1000: 1000 },
    bad: ['0', '1001', '-3', 'many'],
  },
  AUTH_SECRET: {
    at: (c) => c.authSecret,
    default: undefined,
    good: { [secret]: secret },
    bad: ['hunter2', 'x2'.repeat(15)],
  },
  AUTH_SECRET_PREVIOUS: {
    at: (c) => c.authSecretPrevious,
    default: undefined,
    good: { [secret]: secret },
    bad: ['hunter2'],
  },
  JWT_ALGORITHM: {
    at: (c) => c.tokens.algorithm,
    default: 'ES256',
    good: { ES256: 'ES256', RS256: 'RS256', HS256: 'HS256' },
    bad: ['none', 'es256', 'HS512', 'EdDSA'],
  },
  JWT_ISSUER: {
    at: (c) => c.tokens.issuer,
    default: 'http://localhost:3000',
    good: { 'https://auth.example': 'https://auth.example', 'https://x.example/auth': 'https://x.example/auth' },
    bad: ['auth.example', 'https://auth.example/', 'ftp://auth.example', 'javascript:alert'],
  },
  JWT_AUDIENCE: { at: (c) => c.tokens.audience, default: 'gatelatch', good: { shop: 'shop' }, bad: ['x'.repeat(201)] },
  ACCESS_TOKEN_TTL: {
    at: (c) => c.tokens.accessTtl,
    default: 900,
    good: { 60: 60, '90s': 90, '24h': day },
    bad: ['25h', '2d', '0', ...durations.bad],
  },
  REFRESH_TOKEN_TTL: {
    at: (c) => c.tokens.refreshTtl,
    default: 30 * day,
    good: { '1d': day, '12h': day / 2 },
    bad: ['0', ...durations.bad],
  },
  ACCESS_TOKEN_SOURCES: {
    at: (c) => c.tokens.sources,
    default: ['bearer', 'cookie'],
    good: { query: ['query'], ' bearer , header:X-Token ': ['bearer', 'header:X-Token'] },
    bad: ['body', 'bearer,url', 'header:', 'header:a b', ',', 'Bearer'],
  },
  REVOCATION_LIST: { at: (c) => c.revocationList, default: true, good: { on: true, off: false }, bad: ['yes', 'ON'] },
  REVOCATION_STREAMS: {
    at: (c) => c.revocationStreams,
    default: 1000,
    good: { 0: 0, 100000: 100_000 },
    bad: ['-1', '100001', 'many'],
  },
  WEBHOOK_ALLOW: {
    at: (c) => c.webhooks.allow.map(([network, bits]) => `${network}/${bits}`),
    default: [],
    good: {
      '10.0.0.0/8': ['10.0.0.0/8'],
      '127.0.0.1, fd00::/8': ['127.0.0.1/32', 'fd00::/8'],
      '::1': ['::1/128'],
    },
    bad: ['10.0.0.0/33', 'intranet', '10.0.0.0/8 fd00::/8', '10.0.0/8', '*'],
  },
  WEBHOOK_TIMEOUT: {
    at: (c) => c.webhooks.timeout,
    default: 15,
    good: { '1s': 1, 60: 60 },
    bad: ['0', '2m', 'never'],
  },
  REFRESH_GRACE: {
    at: (c) => c.tokens.refreshGrace,
    default: 30,
    good: { 0: 0, '1h': 3600 },
    bad: ['2h', ...durations.bad],
  },
  SESSION_MAX_AGE: {
    at: (c) => c.tokens.sessionMaxAge,
    default: 90 * day,
    good: { '30d': 30 * day, '3650d': 3650 * day },
    bad: ['3651d', ...durations.bad],
  },
  SESSIONS_PER_USER: {
    at: (c) => c.tokens.maxSessions,
    default: 100,
    good: { '1': 1, '10000': 10_000 },
    bad: ['0', '10001', '-1', '1.5', 'many'],
  },
  SIGNING_KEY_MAX_AGE: {
    at: (c) => c.tokens.keyMaxAge,
    default: 90 * day,
    good: { '1d': day, 600: 600 },
    bad: ['599', ...durations.bad],
  },
  REVOCATION_FEED: { at: (c) => c.revocationFeed, default: 'listen', good: { poll: 'poll' }, bad: ['Listen', 'off'] },
  PASSKEY_RP_ID: {
    at: (c) => c.passkeys.rpId,
    default: 'localhost',
    good: { localhost: 'localhost' },
    bad: ['127.0.0.1', '[::1]', 'LOCALHOST', 'http://localhost', 'com'],
  },
  PASSKEY_ORIGINS: {
    at: (c) => c.passkeys.relatedOrigins,
    default: [],
    good: { 'https://a.example, https://b.example:8443': ['https://a.example', 'https://b.example:8443'] },
    bad: ['http://a.example', 'https://a.example/', '*', 'null'],
  },
  PASSKEY_APPS: {
    at: (c) => c.passkeys.iosApps,
    default: [],
    good: { 'ios:ABCDE12345.com.example.app': ['ABCDE12345.com.example.app'] },
    bad: ['com.example.app', 'ios:com.example.app', 'android:com.example.app:00', 'web:https://a.example'],
  },
  PROVIDERS: {
    at: (c) => c.providers.map(({ name }) => name),
    default: [],
    good: { '': [] },
    bad: ['Google', 'google google', 'google,google', '1corp', 'my-corp'],
  },
  IDENTITY_LINKING: {
    at: (c) => c.identityLinking,
    default: 'ask',
    good: { verified: 'verified', off: 'off' },
    bad: ['on', 'always'],
  },
  REDIRECT_URIS: {
    at: (c) => c.redirectUris,
    default: ['http://localhost:3000/callback'],
    good: {
      'https://app.example/callback, com.example.app:/callback': [
        'https://app.example/callback',
        'com.example.app:/callback',
      ],
      'http://127.0.0.1/callback,http://[::1]/back,http://localhost:5173/callback': [
        'http://127.0.0.1/callback',
        'http://[::1]/back',
        'http://localhost:5173/callback',
      ],
    },
    bad: [
      'http://app.example/callback',
      'https://app.example',
      'https://app.example/callback#here',
      'https://*.example/callback',
      'https://ada@app.example/callback',
      'myapp:/callback',
      'com.example.app://callback',
      'javascript:alert(1)',
      'https://app.example/zur\u00fcck',
      'https://app.example/\u4e2d',
    ],
  },
  CORS_ORIGINS: {
    at: (c) => c.corsOrigins,
    default: [],
    good: {
      'https://a.example, http://localhost:5173': ['https://a.example', 'http://localhost:5173'],
      'capacitor://localhost,tauri://localhost,app://-': ['capacitor://localhost', 'tauri://localhost', 'app://-'],
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop': ['chrome-extension://abcdefghijklmnopabcdefghijklmnop'],
      'safari-web-extension://0E4F-A1': ['safari-web-extension://0E4F-A1'],
    },
    bad: [
      '*',
      'a.example',
      'https://b.example/',
      'https://b.example/path',
      'null',
      'https://*.b.example',
      'https://a.example,evil',
      'HTTPS://a.example',
      'https://a.example:443',
      'capacitor://*',
      'capacitor://localhost/',
      'capacitor://',
      'capacitor:localhost',
      'chrome-extension://a/b.html',
      'file://',
      'file://localhost',
      'data:text',
      'javascript://x',
    ],
  },
  COOKIE_SAMESITE: {
    at: (c) => c.cookies.sameSite,
    default: 'lax',
    good: { strict: 'strict', none: 'none', lax: 'lax' },
    bad: ['Lax', 'off'],
  },
  COOKIE_PREFIX: {
    at: (c) => c.cookies.prefix,
    default: false,
    good: { on: true, off: false },
    bad: ['true', 'yes', '__Host-'],
  },
  COOKIE_DOMAIN: {
    at: (c) => c.cookies.domain,
    default: undefined,
    good: { 'b.example': 'b.example', '.b.example': '.b.example', localhost: 'localhost' },
    bad: ['b.example; Secure', 'https://b', 'a b', 'b.example.', 'b..example', '-b.example', 'b-.example', '.'],
  },
  KEEP_ALIVE_TIMEOUT: {
    at: (c) => c.keepAlive,
    default: 65,
    good: { '620s': 620, '1h': 3600, 1: 1 },
    bad: ['0', '2d', ...durations.bad],
  },
  TRUST_PROXY: {
    at: (c) => c.trustProxy,
    default: false,
    good: {
      false: false,
      1: 1,
      2: 2,
      5: 5,
      'loopback, 10.0.0.0/8': ['loopback', '10.0.0.0/8'],
      '::1': ['::1'],
      'fc00::/7, fe80::/10, 2400:cb00::/32': ['fc00::/7', 'fe80::/10', '2400:cb00::/32'],
      '::ffff:10.0.0.0/104': ['::ffff:10.0.0.0/104'],
    },
    bad: [
      'true',
      '*',
      'TRUE',
      'proxy.example',
      '1,x',
      // Addresses only at first sight: they stopped the start with a stack trace.
      'cafe',
      'dead.beef',
      '1.2.3',
      '10.0.0.0/33',
      '10.0.0.0/',
      '::1/129',
      'Loopback',
      '10.0.0.1,',
      // `true` by another name.
      '6',
      '99',
      '0.0.0.0/0',
      '0.0.0.0/1,128.0.0.0/1',
      '::/0',
      '2000::/3',
      '::ffff:0:0/96',
      '::ffff:0:0/97,::ffff:128.0.0.0/97',
      '0:0::/80',
    ],
  },
  PASSWORD_HASH: {
    at: (c) => c.passwords.cost,
    default: { memoryKiB: 19_456, passes: 2, parallelism: 1 },
    good: { 'm=47104,t=1,p=1': { memoryKiB: 47_104, passes: 1, parallelism: 1 } },
    bad: [
      'm=19456',
      'm=512,t=2,p=1',
      'm=1024,t=0,p=1',
      'm=1024,t=1,p=99',
      't=2,m=19456,p=1',
      'm=9999999,t=2,p=1',
      'bcrypt',
    ],
  },
  IMPORTED_PEPPER: { at: (c) => c.passwords.pepper, default: undefined, good: { 'x y': 'x y' }, bad: [] },
  PASSWORD_MIN_LENGTH: {
    at: (c) => c.passwords.minLength,
    default: 15,
    good: { 8: 8, 64: 64 },
    bad: ['7', '65', 'long'],
  },
  HASH_CONCURRENCY: {
    at: (c) => c.hashes.concurrency,
    default: undefined,
    good: { 1: 1, 64: 64 },
    bad: ['0', '1001', 'auto', '1.5'],
  },
  HASH_QUEUE: { at: (c) => c.hashes.queueLimit, default: 300, good: { 0: 0, 100000: 100_000 }, bad: ['-1', '100001'] },
  UV_THREADPOOL_SIZE: {
    at: (c) => c.hashes.poolThreads,
    default: 4,
    good: { 1: 1, 1024: 1024 },
    bad: ['0', '1025', 'many'],
  },
  APP_URL: {
    at: (c) => c.appUrl,
    default: 'http://localhost:3000',
    good: { 'https://app.example': 'https://app.example' },
    bad: ['app.example', 'https://app.example/'],
  },
  SIGNUP: {
    at: (c) => c.signup,
    default: 'open',
    good: { open: 'open', verified: 'verified', closed: 'closed' },
    bad: ['on', 'Open'],
  },
  REDIS_URL: {
    at: (c) => c.limits.redisUrl,
    default: undefined,
    good: {
      'redis://127.0.0.1:6379': 'redis://127.0.0.1:6379',
      'rediss://u:p@r.example/1': 'rediss://u:p@r.example/1',
    },
    bad: ['127.0.0.1:6379', 'http://redis.example'],
  },
  RATE_LIMIT: { at: (c) => c.limits.on, default: true, good: { on: true, off: false }, bad: ['false', '10/1m'] },
  RATE_LIMIT_LOGIN_ADDRESS: {
    at: (c) => c.limits.rates.login_address,
    default: { points: 50, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_LOGIN_ACCOUNT: {
    at: (c) => c.limits.rates.login_account,
    default: { points: 10, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_LOGIN_DEVICE: {
    at: (c) => c.limits.rates.login_device,
    default: { points: 10, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_LOGIN_DEVICES: {
    at: (c) => c.limits.rates.login_devices,
    default: { points: 30, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_LOGINS: {
    at: (c) => c.limits.rates.logins,
    default: { points: 200, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_SIGNUP: {
    at: (c) => c.limits.rates.signup,
    default: { points: 100, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_PASSWORD: {
    at: (c) => c.limits.rates.password,
    default: { points: 10, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  SECOND_FACTOR_PROMPT: {
    at: (c) => c.secondFactorPrompt,
    default: 'after-password',
    good: { 'with-password': 'with-password', 'after-password': 'after-password' },
    bad: ['on', 'with password'],
  },
  REQUIRED_ACR: {
    at: (c) => c.acr.required,
    default: 'aal1',
    good: { aal1: 'aal1', aal2: 'aal2', phr: 'phr' },
    bad: ['aal3', 'AAL2', 'off'],
  },
  ADMIN_ACR: {
    at: (c) => c.acr.admin,
    default: 'aal1',
    good: { aal1: 'aal1', aal2: 'aal2', phr: 'phr' },
    bad: ['aal3', 'AAL2', 'off'],
  },
  FRESH_AUTH_MAX_AGE: {
    at: (c) => c.freshAuthMaxAge,
    default: 900,
    good: { '1m': 60, '24h': day },
    bad: ['59s', '25h', ...durations.bad],
  },
  TRUSTED_DEVICE_TTL: {
    at: (c) => c.trustedDeviceTtl,
    default: 30 * day,
    good: { off: undefined, '7d': 7 * day },
    bad: ['OFF', '0', ...durations.bad],
  },
  TOTP_ISSUER: {
    at: (c) => c.totpIssuer,
    default: 'localhost',
    good: { 'Bird Watchers': 'Bird Watchers' },
    bad: ['a:b', 'x'.repeat(65)],
  },
  API_KEYS: {
    at: (c) => [c.apiKeys.on, c.apiKeys.forPersons],
    default: [true, true],
    good: { service: [true, false], off: [false, false] },
    bad: ['ON', 'persons'],
  },
  API_KEY_PREFIX: {
    at: (c) => c.apiKeys.prefix,
    default: 'glk',
    good: { ab: 'ab', a2: 'a2', abcdefghij: 'abcdefghij' },
    bad: ['a', 'Glk', '2a', 'glk_', 'abcdefghijk'],
  },
  API_KEY_TTL: {
    at: (c) => c.apiKeys.ttl,
    default: 90 * day,
    good: { '1s': 1, '365d': 365 * day },
    bad: ['0', 'off', ...durations.bad],
  },
  API_KEY_MAX_AGE: {
    at: (c) => c.apiKeys.maxAge,
    default: 365 * day,
    good: { off: undefined, '90d': 90 * day },
    bad: ['OFF', '0', ...durations.bad],
  },
  INVITATION_TTL: {
    at: (c) => c.invitationTtl,
    default: 7 * day,
    good: { '1s': 1, '30d': 30 * day },
    bad: ['0', 'off', ...durations.bad],
  },
  RATE_LIMIT_API_KEY: {
    at: (c) => c.limits.rates.api_key,
    default: { points: 60, seconds: 300 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_REVOKE: {
    at: (c) => c.limits.rates.revoke,
    default: { points: 60, seconds: 300 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_INTROSPECT: {
    at: (c) => c.limits.rates.introspect,
    default: { points: 1200, seconds: 60 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_INVITATION: {
    at: (c) => c.limits.rates.invitation,
    default: { points: 50, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_SECOND_FACTOR: {
    at: (c) => c.limits.rates.second_factor,
    default: { points: 5, seconds: 900 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_PASSKEY: {
    at: (c) => c.limits.rates.passkey,
    default: { points: 60, seconds: 300 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_EXTERNAL: {
    at: (c) => c.limits.rates.external,
    default: { points: 60, seconds: 300 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_USERNAME: {
    at: (c) => c.limits.rates.username,
    default: { points: 10, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_MAIL: {
    at: (c) => c.limits.rates.mail,
    default: { points: 5, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_MAIL_ADDRESS: {
    at: (c) => c.limits.rates.mail_address,
    default: { points: 20, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_REFRESH: {
    at: (c) => c.limits.rates.refresh,
    default: { points: 60, seconds: 300 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_EXPORT: {
    at: (c) => c.limits.rates.export,
    default: { points: 10, seconds: 3600 },
    good: rates.good,
    bad: rates.bad,
  },
  RATE_LIMIT_GENERAL: {
    at: (c) => c.limits.rates.general,
    default: { points: 1200, seconds: 60 },
    good: rates.good,
    bad: rates.bad,
  },
  SMTP_URL: {
    at: (c) => c.mail.smtpUrl,
    default: undefined,
    good: { 'smtp://u:p@mail.example:587': 'smtp://u:p@mail.example:587', 'smtps://m.example': 'smtps://m.example' },
    bad: ['mail.example', 'https://mail.example', 'smtp://'],
  },
  MAIL_FROM: {
    at: (c) => c.mail.from,
    default: 'Gatelatch <no-reply@localhost>',
    good: {
      'a@b.example': 'a@b.example',
      'The Shop <shop@b.example>': 'The Shop <shop@b.example>',
      '"The Shop"<shop@b.example>': 'The Shop <shop@b.example>',
      '"Shop, Inc. (EU)" <shop@b.example>': '"Shop, Inc. (EU)" <shop@b.example>',
      '"The \\"Shop\\" <a@c.example>" <shop@b.example>': '"The \\"Shop\\" <a@c.example>" <shop@b.example>',
      'Geschäft <shop@bücher.example>': '=?UTF-8?B?R2VzY2jDpGZ0?= <shop@xn--bcher-kva.example>',
      '"Магазин, ООО" <shop@b.example>': '=?UTF-8?B?0JzQsNCz0LDQt9C40L0sINCe0J7Qng==?= <shop@b.example>',
      '<shop@localhost>': 'shop@localhost',
    },
    bad: [
      'shop',
      'a@b.example, c@d.example',
      'A <a@b.example> <c@d.example>',
      '"A <a@b.example>',
      'A, B <a@b.example>',
      'A\r\nBcc: c@d.example <a@b.example>',
      '"A\nB" <a@b.example>',
      'ä@b.example',
      'A <a@b..example>',
    ],
  },
  MAIL_FOLDER: { at: (c) => c.mail.folder, default: '.data/mail', good: { '/var/mail': '/var/mail' }, bad: [] },
  EMAIL_LOCAL_DOMAINS: {
    at: (c) => c.mail.localDomains,
    default: [],
    good: { 'localhost, intra-net': ['localhost', 'intra-net'] },
    bad: ['a.b', 'Intranet', '-x', 'x y', '@localhost'],
  },
  ADMIN_USERNAME: {
    at: (c) => c.firstAdmin?.username,
    default: undefined,
    good: {},
    bad: ['ad', 'ad min', 'admin@example.com'],
  },
  ADMIN_PASSWORD: { at: (c) => c.firstAdmin?.password, default: undefined, good: {}, bad: [] },
  AUDIT_RETENTION: {
    at: (c) => c.auditRetention,
    default: 365 * day,
    good: { '30d': 30 * day },
    bad: ['0', ...durations.bad],
  },
  PLAYGROUND: {
    at: (c) => c.playground,
    default: true,
    good: { on: true, off: false },
    bad: ['ON', 'true', 'yes'],
  },
  PLAYGROUND_SERVICE: {
    at: (c) => c.playgroundService,
    default: undefined,
    good: {
      'http://localhost:4000/orders': 'http://localhost:4000/orders',
      'https://orders.example.com': 'https://orders.example.com',
    },
    bad: ['localhost:4000', 'ftp://a', 'http://a:99999', 'http://a?b', 'http://a b', 'http://a"b'],
  },
  SHUTDOWN_TIMEOUT: {
    at: (c) => c.shutdownTimeout,
    default: 10,
    good: { '1s': 1, '10m': 600 },
    bad: ['0', '11m', ...durations.bad],
  },
  METRICS_TOKEN: { at: (c) => c.metricsToken, default: undefined, good: { [secret]: secret }, bad: ['hunter2'] },
  OTEL_SDK_DISABLED: {
    at: (c) => c.tracing.on,
    default: false,
    good: { true: false, false: false },
    bad: ['yes', '1'],
  },
  OTEL_TRACES_EXPORTER: {
    at: (c) => (c.tracing.on ? 'otlp' : undefined),
    default: undefined,
    good: { otlp: 'otlp', none: undefined },
    bad: ['console', 'zipkin', 'otlp,console'],
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    at: (c) => c.tracing.on || undefined,
    default: undefined,
    good: { 'http://localhost:4318': true, 'https://otel.example/': true },
    bad: ['localhost:4318', 'grpc://otel.example'],
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    at: (c) => c.tracing.on || undefined,
    default: undefined,
    good: { 'http://localhost:4318/v1/traces': true },
    bad: ['localhost:4318', 'grpc://otel.example'],
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    at: (c) => c.tracing.protocol,
    default: 'http/protobuf',
    good: { 'http/json': 'http/json' },
    bad: ['grpc', 'json'],
  },
  OTEL_SERVICE_NAME: {
    at: (c) => c.tracing.serviceName,
    default: 'gatelatch',
    good: { shop: 'shop' },
    bad: ['x'.repeat(201)],
  },
  LOG_LEVEL: {
    at: (c) => c.logLevel,
    default: 'info',
    good: { debug: 'debug', silent: 'silent' },
    bad: ['INFO', 'loud'],
  },
};

/** The message of a start that fails with this environment. */
function complaintAbout(environment: Record<string, string>): string {
  try {
    parseConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  }
  throw new Error(`Started with ${JSON.stringify(environment)}`);
}

describe.each(Object.entries(cases))('%s', (name, { at, default: fallback, good, bad }) => {
  it('has its default if it is unset or empty', () => {
    expect(at(parseConfig({}))).toEqual(fallback);
    expect(at(parseConfig({ [name]: '' }))).toEqual(fallback);
  });

  it.each(Object.entries(good))('can be %j', (value, meaning) => {
    expect(at(parseConfig({ [name]: value }))).toEqual(meaning);
  });

  it.each(bad)(
    'stops the start if it is %j, with one line that says what is allowed and does not repeat the value',
    (value) => {
      const complaint = complaintAbout({ [name]: value });
      expect(complaint).toMatch(new RegExp(`^${name} must be [^\\n]{5,}\\.$`));
      // The message is the same for every wrong value, so it contains none of them.
      expect(complaint).toBe(complaintAbout({ [name]: bad[0] ?? '' }));
    },
  );
});

describe('All settings', () => {
  it('are covered by this test', () => {
    const ours = Object.keys(settings.shape).filter((name) => !(name in ownSettings));
    expect(Object.keys(cases).sort()).toEqual(ours.sort());
  });

  it('that are wrong are named together, one per line', () => {
    const wrong = Object.entries(cases).flatMap(([name, { bad }]) => (bad[0] === undefined ? [] : [[name, bad[0]]]));
    const lines = complaintAbout(Object.fromEntries(wrong)).split('\n');
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(wrong.map(([name]) => name).sort());
  });

  it('appear in messages without their secrets', () => {
    const complaint = complaintAbout({
      DATABASE_URL: 'mysql://user:hunter2@host/db',
      AUTH_SECRET: 'hunter2',
      AUTH_SECRET_PREVIOUS: 'hunter2',
      JWT_ISSUER: 'x://user:hunter2@host',
    });
    expect(complaint.split('\n')).toHaveLength(4);
    expect(complaint).not.toContain('hunter2');
    expect(complaintAbout({ AUTH_SECRET: `changeme-${secret}` })).not.toContain(secret);
  });

  it('count without the spaces around them, except for secrets and paths', () => {
    const production = { NODE_ENV: ' production\r', AUTH_SECRET: secret };
    expect(parseConfig(production).cookies.secure).toBe(true);
    expect(parseConfig({ TRUST_PROXY: '1 ' }).trustProxy).toBe(1);
    expect(parseConfig({ JWT_ISSUER: ' https://auth.example\t' }).tokens.issuer).toBe('https://auth.example');
    expect(parseConfig({ AUTH_SECRET: `${secret} ` }).authSecret).toBe(`${secret} `);
    expect(parseConfig({ PORT: '  ' }).port).toBe(3000);
  });

  it.each(['postgresql', 'rediss', 'smtp'])(
    'refuse a bare @, /, # or ? in a password of %s://, unprinted',
    (scheme) => {
      const name = { postgresql: 'DATABASE_URL', rediss: 'REDIS_URL', smtp: 'SMTP_URL' }[scheme] as string;
      for (const password of [
        '@12',
        '12@',
        'hun@ter',
        '12#ter',
        '#12',
        '12/ter',
        '1@2/ter',
        'h/u@n',
        '12?ter',
        '12#ter/2?',
      ])
        for (const rest of ['host/db', 'host:5432/db?sslmode=require', 'host'])
          expect(complaintAbout({ [name]: `${scheme}://user:${password}@${rest}` }), password).toBe(
            `${name} must be a URL with escaped user and password: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A.`,
          );
    },
  );

  it('of other programs are ignored', () => {
    expect(parseConfig({ PATH: '/bin', JWT_SECRET: 'x' })).toEqual(parseConfig({}));
  });
});

describe('JWT_ISSUER and APP_URL', () => {
  it('follow PORT, and APP_URL follows JWT_ISSUER', () => {
    expect(parseConfig({ PORT: '8080' }).tokens.issuer).toBe('http://localhost:8080');
    expect(parseConfig({ PORT: '8080' }).appUrl).toBe('http://localhost:8080');
    expect(parseConfig({ JWT_ISSUER: 'https://auth.example' }).appUrl).toBe('https://auth.example');
  });
});

describe('Traces', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://localhost:4318';

  it.each([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
  ])('with %j are sent: %s', (environment, on) => {
    expect(parseConfig(environment).tracing.on).toBe(on);
  });
});

describe('The playground', () => {
  const production = { NODE_ENV: 'production', AUTH_SECRET: secret };

  it('is off in production unless it is turned on', () => {
    expect(parseConfig(production).playground).toBe(false);
    expect(parseConfig({ ...production, PLAYGROUND: 'on' }).playground).toBe(true);
  });
});

describe('Cookies', () => {
  it('have prefixes in production, unless they are for a domain', () => {
    const production = { NODE_ENV: 'production', AUTH_SECRET: secret };
    expect(parseConfig(production).cookies.prefix).toBe(true);
    expect(parseConfig({ ...production, COOKIE_DOMAIN: 'b.example' }).cookies.prefix).toBe(false);
    expect(parseConfig({ ...production, COOKIE_PREFIX: 'off' }).cookies.prefix).toBe(false);
  });

  it.each([
    [{}, false],
    [{ COOKIE_SAMESITE: 'none' }, true],
    [{ COOKIE_PREFIX: 'on' }, true],
    [{ JWT_ISSUER: 'https://auth.example' }, true],
    [{ NODE_ENV: 'production', AUTH_SECRET: secret }, true],
  ])('with %j are Secure: %s', (environment, secure) => {
    expect(parseConfig(environment).cookies.secure).toBe(secure);
  });
});

describe('A secret by chance', () => {
  it('is taken, as hexadecimal, base64 or digits', () => {
    for (let n = 0; n < 200; n++)
      for (const text of [
        randomBytes(16).toString('hex'),
        randomBytes(32).toString('base64'),
        Array.from({ length: 40 }, () => randomInt(10)).join(''),
      ])
        expect(
          () => parseConfig({ NODE_ENV: 'production', AUTH_SECRET: text, METRICS_TOKEN: text }),
          text,
        ).not.toThrow();
  });

  it('may take the place of a bad one, which stays the one before', () => {
    const weak = 'password'.repeat(4);
    expect(parseConfig({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: weak }).authSecretPrevious).toBe(weak);
  });
});

it('A setting of your own that must be set says so', () => {
  const shape: Record<string, z.ZodType> = settings.shape;
  shape.OWN_AND_NEEDED = z.string();
  onTestFinished(() => void delete shape.OWN_AND_NEEDED);
  for (const environment of [{}, { OWN_AND_NEEDED: '' }])
    expect(() => parseConfig(environment)).toThrow(/^OWN_AND_NEEDED must be set\.$/);
  expect(() => parseConfig({ OWN_AND_NEEDED: 'set' })).not.toThrow();
});

describe('Settings that cannot be combined stop the start:', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['production without AUTH_SECRET', { NODE_ENV: 'production' }, /^AUTH_SECRET must be set in production/],
    [
      'an AUTH_SECRET from an example',
      { AUTH_SECRET: 'change-me-change-me-change-me-change-me' },
      /^AUTH_SECRET must be a random value/,
    ],
    [
      'an AUTH_SECRET from a tutorial',
      { AUTH_SECRET: 'your-secret-your-secret-your-secret-!' },
      /^AUTH_SECRET must be a random value/,
    ],
    ['an AUTH_SECRET of one letter', { AUTH_SECRET: 'a'.repeat(40) }, /^AUTH_SECRET must be a random value/],
    ...['a'.repeat(40), '12345678901234567890123456789012', 'password'.repeat(4)].map(
      (text): [string, Record<string, string>, RegExp] => [
        `an AUTH_SECRET that repeats itself, in production (${text})`,
        { NODE_ENV: 'production', AUTH_SECRET: text },
        /^AUTH_SECRET must be a random value/,
      ],
    ),
    ...[
      '0123456789abcdefghijklmnopqrstuvwxyz',
      'zyxwvutsrqponmlkjihgfedcba9876543210',
      `${'a'.repeat(16)}${'b'.repeat(16)}`,
    ].map((text): [string, Record<string, string>, RegExp] => [
      `an AUTH_SECRET of runs, in production (${text})`,
      { NODE_ENV: 'production', AUTH_SECRET: text },
      /^AUTH_SECRET must be a random value/,
    ]),
    [
      'a METRICS_TOKEN that repeats itself, in production',
      { NODE_ENV: 'production', AUTH_SECRET: secret, METRICS_TOKEN: '12345678901234567890123456789012' },
      /^METRICS_TOKEN must be a random value/,
    ],
    [
      'sessions shorter than their refresh tokens',
      { SESSION_MAX_AGE: '29d' },
      /^REFRESH_TOKEN_TTL must be at most SESSION_MAX_AGE/,
    ],
    [
      'a public path that no cookie can have',
      { JWT_ISSUER: 'https://b.example/a;b' },
      /^JWT_ISSUER must have no other signs in its path/,
    ],
    [
      '__Host- cookies with a domain',
      { COOKIE_PREFIX: 'on', COOKIE_DOMAIN: 'b.example' },
      /^COOKIE_DOMAIN must be unset when COOKIE_PREFIX is on/,
    ],
  ])('%s', (_, environment, complaint) => {
    expect(complaintAbout(environment)).toMatch(complaint);
  });

  it('all of them at once', () => {
    const environment = {
      NODE_ENV: 'production',
      SESSION_MAX_AGE: '29d',
      COOKIE_PREFIX: 'on',
      COOKIE_DOMAIN: 'b.example',
    };
    expect(complaintAbout(environment).split('\n')).toHaveLength(3);
  });

  it('but in development AUTH_SECRET can be missing', () => {
    expect(parseConfig({ NODE_ENV: 'development' }).authSecret).toBeUndefined();
  });
});

describe('A name that was surely meant for a setting stops the start with the right one', () => {
  it.each([
    ['SIGN_UP', 'SIGNUP'],
    ['SINGUP', 'SIGNUP'],
    ['signup', 'SIGNUP'],
    ['Port', 'PORT'],
    ['RATE_LIMT_LOGIN_ACCOUNT', 'RATE_LIMIT_LOGIN_ACCOUNT'],
    ['RATE_LIMIT_LOGIN_ACOUNT', 'RATE_LIMIT_LOGIN_ACCOUNT'],
    ['AUTHSECRET', 'AUTH_SECRET'],
    ['TRUST_PROXI', 'TRUST_PROXY'],
    ['COOKIE_DOMAINS', 'COOKIE_DOMAIN'],
  ])('%s: %s', (name, meant) => {
    expect(() => parseConfig({ [name]: 'x' })).toThrow(
      new StartError(`${name} is no setting. Write ${meant}, or give it a name of its own.`),
    );
  });

  it('and names of others do not', () => {
    const others = [
      'API_URL',
      'HOSTNAME',
      'POSTGRES_PASSWORD',
      'DATABASE_PORT',
      'PGHOST',
      'HTTP_PROXY',
      'npm_config_port',
    ];
    expect(() => parseConfig(Object.fromEntries(others.map((name) => [name, 'x'])))).not.toThrow();
  });
});

describe('.env.example', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const example = Object.fromEntries(
    [...text.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [`${name}`, `${value}`]),
  );

  it('lists exactly the settings, and the passwords that the compose files need', () => {
    const { POSTGRES_PASSWORD: password, REPLICATION_PASSWORD: replication, ...listed } = example;
    expect(Object.keys(listed).sort()).toEqual(Object.keys(settings.shape).sort());
    expect([password, replication]).toEqual(['', '']);
  });

  it('lists each once, after a comment that explains it', () => {
    expect(text.match(/^#?[A-Z_]+=/gm)).toHaveLength(Object.keys(example).length);
    for (const name of Object.keys(cases)) expect(text).toMatch(new RegExp(`^# .*\\n#${name}=`, 'm'));
  });

  it('has the defaults', () => {
    expect(parseConfig(example)).toEqual(parseConfig({}));
    for (const [name, { default: fallback }] of Object.entries(cases))
      expect(example[name] === '', name).toBe(
        fallback === undefined || (Array.isArray(fallback) && fallback.length === 0),
      );
  });
});
