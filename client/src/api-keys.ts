import { ask, createPost } from './api.js';
import type { Client } from './client.js';
import type { ApiKey, MadeApiKey } from './wire.js';

export type { ApiKey, MadeApiKey } from './wire.js';

/** The signed-in user's keys that have not ended, the oldest first. */
export async function listApiKeys(client: Client): Promise<ApiKey[]> {
  const get = createPost((path) => client.fetch(path));
  return (await get<{ data: ApiKey[] }>('/me/api-keys', {})).data;
}

/**
 * Makes a key of the signed-in user. Its text is in `key`, and is told this once.
 * @param fields `scopes` are permissions such as `todos:read`; `expiresIn` is in seconds, by default the server decides;
 * the `password`, unless the user has just signed in with two factors or has no password
 * @throws GatelatchError `forbidden` for a scope that the user lacks, `too_many_api_keys`, `invalid_credentials`,
 * `insufficient_user_authentication`, …
 */
export function makeApiKey(
  client: Client,
  { name, scopes, expiresIn, password }: { name: string; scopes: string[]; expiresIn?: number; password?: string },
): Promise<MadeApiKey> {
  return ask(client, '/me/api-keys', { name, scopes, expires_in: expiresIn, password });
}

/** Ends a key of the signed-in user, at once and everywhere. @throws GatelatchError `not_found` if it has ended */
export function endApiKey(client: Client, id: string): Promise<void> {
  return createPost((path) => client.fetch(path, { method: 'DELETE' }))(`/me/api-keys/${id}`, {});
}
