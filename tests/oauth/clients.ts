import { v7 as uuidv7 } from 'uuid';
import { insertApiKey } from '../support/api-keys.js';
import type { TestApp } from '../support/app.js';

export type Client = { userId: string; username: string; id: string; key: string };

let made = 0;

/** A service user with these roles, and a key of it. */
export async function serviceClient(
  app: TestApp,
  roles: string[],
  scopes: string[],
  options?: { expiresAt?: Date },
): Promise<Client> {
  made += 1;
  const [userId, username] = [uuidv7(), `service-${made}`];
  await app.deps.db.user.create({ data: { id: userId, kind: 'service', username, usernameKey: username, roles } });
  return { userId, username, ...(await insertApiKey(app, userId, scopes, options)) };
}

/** A form to one of the endpoints; fields with several values stand there several times. */
export function post(app: TestApp, path: string, fields: Record<string, string | string[]>) {
  const pairs = Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  return app.http
    .post(path)
    .type('form')
    .send(String(new URLSearchParams(pairs as [string, string][])));
}

/** RFC 6749 §2.3.1. */
export function basic({ userId, key }: Pick<Client, 'userId' | 'key'>): { Authorization: string } {
  const text = [userId, key].map(encodeURIComponent).join(':');
  return { Authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

/** A token by `client_secret_basic`. */
export function getToken(app: TestApp, client: Pick<Client, 'userId' | 'key'>, more: Record<string, string> = {}) {
  return post(app, '/oauth/token', { grant_type: 'client_credentials', ...more }).set(basic(client));
}

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
