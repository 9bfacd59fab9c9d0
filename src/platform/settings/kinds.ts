import { z } from 'zod';
import { senderHeader } from '../mail/sender.js';

/** The kinds of settings: each parses the text of an environment variable, and its error says what is allowed. */

const secondsPer = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `15m`, `30d`, or a bare number of seconds → seconds. */
export function duration(fallback: string, { min = 1, max = 3650 * 86_400 }: { min?: number; max?: number } = {}) {
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

export function integer(fallback: number, min: number, max: number) {
  return wholeNumber(min, max).default(fallback);
}

export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `a whole number from ${min} to ${max}`,
    })
    .transform(Number);
}

export function choice<const Options extends readonly [string, ...string[]]>(
  options: Options,
  fallback: Options[number],
) {
  return z.enum(options, { error: `one of ${options.join(', ')}` }).default(fallback as z.infer<z.ZodEnum<never>>);
}

export function isOrigin(text: string): boolean {
  if (/^https?:/i.test(text)) return URL.canParse(text) && !text.includes('*') && new URL(text).origin === text;
  return appOrigin.test(text);
}

// Of an app with a web view, or of a browser's extension. Pages from files and data have no origin of their own.
const appOrigin =
  /^(?!(?:file|data|blob|about|javascript|filesystem|wss?|ftp):)[a-z][a-z0-9+.-]*:\/\/[\w.-]+(?::\d{1,5})?$/;

export const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !text.endsWith('/'), {
    error: 'an http(s) URL without a slash at its end',
  });

export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/**
 * Whether nothing of a user or password can be taken for the host, the path or the query. Without this check it would be
 * looked up by DNS, and logged.
 */
function isEscaped(url: string): boolean {
  const [, whole = ''] = url.split(/^[a-z]+:\/\//);
  const [main = '', query = ''] = whole.split(/\?(.*)/s);
  const [authority = '', ...path] = main.split('/');
  const ats = authority.split('@').length - 1;
  return (
    URL.canParse(url) && !url.includes('#') && ats <= 1 && !path.join('/').includes('@') && !/^[^=&]*@/.test(query)
  );
}

const escaping = 'a URL with escaped user and password: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A';

export const databaseUrl = z
  .string()
  .default('pglite:.data/db')
  .refine((text) => /^(pglite:.|postgres(ql)?:\/\/)/.test(text), {
    error: 'pglite:<directory>, pglite:memory or postgresql://…',
    abort: true,
  })
  .refine((text) => !text.startsWith('postgres') || isEscaped(text), { error: escaping });

export const secret = z.string().refine((text) => Buffer.byteLength(text) >= 32, { error: 'at least 32 bytes' });

export type AccessTokenSource = 'bearer' | 'cookie' | 'query' | `header:${string}`;

export const accessTokenSources = list
  .refine((items) => items.length > 0 && items.every((item) => /^(bearer|cookie|query|header:[\w-]+)$/.test(item)), {
    error: 'a list of bearer, cookie, query and header:<name>',
  })
  .transform((items) => items as AccessTokenSource[]);

/** `10/15m` → ten in fifteen minutes. */
export function rate(fallback: string) {
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

const urlOf = (schemes: RegExp, form: string) =>
  z
    .string()
    .refine((text) => schemes.test(text), { error: form, abort: true })
    .refine(isEscaped, { error: escaping });

export const redisUrl = urlOf(/^rediss?:\/\/./, 'redis://[user:password@]host[:port][/number] or rediss://…');

export const smtpUrl = urlOf(/^smtps?:\/\/./, 'smtp://[user:password@]host[:port] or smtps://…');

export const collectorUrl = z.string().refine((text) => /^https?:\/\/./.test(text) && URL.canParse(text), {
  error: 'an http(s) URL such as http://localhost:4318',
});

/** It becomes a header unchanged. */
export const mailFrom = z.string().transform((text, context): string => {
  const header = senderHeader(text);
  if (header !== undefined) return header;
  context.addIssue('an address, Name <address>, or "Name" <address>');
  return z.NEVER;
});
