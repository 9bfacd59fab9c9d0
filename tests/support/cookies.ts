import type { Response } from 'supertest';

/** A cookie as a response sets it, with attribute names in lower case; flags are true. */
export type SetCookie = { value: string; attributes: Record<string, string | true> };

/** Every cookie that the response sets, by name. */
export function cookiesOf(answer: Pick<Response, 'headers'>): Record<string, SetCookie> {
  const lines = (answer.headers['set-cookie'] ?? []) as unknown as string[];
  return Object.fromEntries(
    lines.map((line) => {
      const [pair = '', ...rest] = line.split('; ');
      const [name = '', ...value] = pair.split('=');
      const attributes = rest.map((text) => text.split('=')).map(([key, set]) => [key?.toLowerCase(), set ?? true]);
      return [name, { value: value.join('='), attributes: Object.fromEntries(attributes) }];
    }),
  );
}

/** The header with which a browser sends these cookies back. */
export function cookieHeader(cookies: Record<string, SetCookie>): string {
  return Object.entries(cookies)
    .map(([name, { value }]) => `${name}=${value}`)
    .join('; ');
}
