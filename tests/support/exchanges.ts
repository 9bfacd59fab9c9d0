import { Secret } from 'otpauth';
import type request from 'supertest';
import type { Response, Test } from 'supertest';
import { isApiKey } from '../../src/api-keys/format.js';
import type { Secrets } from './secrets.js';

type Http = ReturnType<typeof request>;

const isSecret = (name: string) =>
  /^(password|current_password|new_password|token|invitation|client_secret|captcha_token|((access|refresh|device|login|link)_token)|code_verifier)$/.test(
    name,
  );
const tokenCookie = /^((?:__\w+-)?(?:access_token|refresh_token|device))=([^;]+)/;

/**
 * Wraps `http`: adds the secrets of each request and response to `secrets`, and each response to `told`, without the
 * tokens that it is meant to contain.
 */
export function watched(http: Http, secrets: Secrets, told: string[]): Http {
  return new Proxy(http, {
    get(target, method) {
      const ask: unknown = Reflect.get(target, method);
      if (typeof ask !== 'function') return ask;
      return (path: string) =>
        (ask.call(target, path) as Test).on('response', function (this: Test, answer: Response) {
          const { method, url } = this as unknown as Sent;
          noteSent(this as unknown as Sent, secrets, `to ${method} ${new URL(url).pathname}`);
          noteGiven(answer, secrets, `from ${method} ${new URL(url).pathname}`);
          told.push(restOf(answer));
        });
    },
  });
}

/** What superagent has sent; its types lack it. */
type Sent = { method: string; url: string; _data?: unknown; header: Record<string, string | string[]> };

function noteSent({ url, _data, header }: Sent, secrets: Secrets, to: string): void {
  for (const [name, value] of [...new URL(url).searchParams, ...Object.entries(fieldsOf(_data))])
    if (isSecret(name) && typeof value === 'string') secrets.add(`${name} ${to}`, value);
  const headers = Object.entries(header).map(
    ([name, value]) => [name.toLowerCase(), [value].flat().join('; ')] as const,
  );
  for (const [name, value] of headers) {
    if (name === 'authorization') noteToken(`the token ${to}`, value.replace(/^(Bearer|Basic) /i, ''), secrets);
    if (name === 'cookie')
      for (const cookie of value.split('; ')) noteToken(`a cookie ${to}`, tokenCookie.exec(cookie)?.[2], secrets);
  }
}

function fieldsOf(data: unknown): object {
  try {
    const body: unknown = typeof data === 'object' && !Buffer.isBuffer(data) ? data : JSON.parse(String(data));
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

function noteGiven({ body, headers }: Response, secrets: Secrets, from: string): void {
  for (const name of ['access_token', 'refresh_token', 'device_token', 'login_token', 'link_token', 'key'])
    if (typeof body?.[name] === 'string') noteToken(`${name} ${from}`, body[name], secrets);
  if (typeof body?.secret === 'string') {
    secrets.add(`secret ${from}`, body.secret);
    secrets.add(`bytes of the secret ${from}`, bytesOf(body.secret));
  }
  for (const code of Array.isArray(body?.recovery_codes) ? body.recovery_codes : []) {
    if (typeof code !== 'string') continue;
    secrets.add(`a recovery code ${from}`, code);
    secrets.add(`a recovery code ${from}, without hyphens`, code.replaceAll('-', ''));
  }
  for (const line of cookiesIn(headers)) noteToken(`a cookie ${from}`, tokenCookie.exec(line)?.[2], secrets);
  // What binds a sign-in by a provider, and what it ends in: both travel in a URL, and are kept nowhere else.
  for (const name of ['state', 'nonce']) secrets.add(`${name} ${from}`, parameterOf(body?.url, name));
  secrets.add(`a code ${from}`, parameterOf(headers.location, 'code'));
}

/** Of a webhook, or of an authenticator app. */
function bytesOf(secret: string): Buffer {
  const [, base64] = /^whsec_(.*)/.exec(secret) ?? [];
  return Buffer.from(base64 === undefined ? Secret.fromBase32(secret).bytes : Buffer.from(base64, 'base64'));
}

function parameterOf(url: unknown, name: string): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  return new URL(url).searchParams.get(name) ?? undefined;
}

/** A JWT is useless without its signature, so a copy of the signature alone is a leak too. */
function noteToken(what: string, token: string | undefined, secrets: Secrets): void {
  secrets.add(what, token);
  // Of an API key the middle is the secret; its id stands in lists.
  if (isApiKey(token ?? '')) secrets.add(`the secret of ${what}`, token?.slice(-49, -6));
  if (token?.startsWith('eyJ')) secrets.add(`the signature of ${what}`, token.split('.')[2]);
}

/** A response without the tokens in their own fields and cookies. */
function restOf({ status, headers, text }: Response): string {
  const { 'set-cookie': _, ...rest } = headers;
  const cookies = cookiesIn(headers);
  if (status === 303) return JSON.stringify([status, headers, text]).replace(/([?&]code=)[\w-]+/g, '$1');
  if (status >= 300) return JSON.stringify([status, headers, withoutMeantToken(text)]);
  const body = (text ?? '')
    .replace(/"(access|refresh|device|login)_token":"[^"]*"/g, '"$1_token":""')
    .replace(/"(secret|uri|url|key)":"[^"]*"/g, '"$1":""')
    .replace(/"recovery_codes":\["[^\]]*\]/g, '"recovery_codes":[]');
  return JSON.stringify([status, rest, cookies.map((line) => line.replace(tokenCookie, '$1=')), body]);
}

/** The only refusals with a token in them. */
function withoutMeantToken(text = ''): string {
  if (text.includes('"code":"link_required"')) return text.replace(/"link_token":"[^"]*"/, '"link_token":""');
  const isMeant = text.includes('"code":"second_factor_required"');
  return isMeant ? text.replace(/"login_token":"[^"]*"/, '"login_token":""') : text;
}

function cookiesIn(headers: Response['headers']): string[] {
  return (headers['set-cookie'] ?? []) as unknown as string[];
}
