import { onTestFinished } from 'vitest';
import {
  type Client,
  type ClientOptions,
  createClient,
  memoryStorage,
  type Storage,
} from '../../../client/src/index.js';
import { goodPassword } from '../../support/app.js';

/** A client of this server, until the current test ends. */
export function startClient({ url }: { url: string }, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url, ...options });
  onTestFinished(client.close);
  return client;
}

/** {@link startClient}, for somebody who has just signed up. */
export async function startSignedIn(server: { url: string }, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = startClient(server, options);
  await client.signUp({ username: newName(), password: goodPassword });
  return client;
}

let users = 0;

/** A name that no other test of this file uses. */
export function newName(): string {
  users += 1;
  return `client-user-${users}`;
}

/** What the client tells from now on: `[name, event]` each. */
export function heard(client: Client): [name: string, event: unknown][] {
  const events: [string, unknown][] = [];
  for (const name of ['signedIn', 'signedOut', 'refreshed'] as const)
    client.on(name, (event) => events.push([name, event]));
  return events;
}

/** Why an answer is a refusal, if it is one. */
export async function codeOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { code?: unknown }).code;
}

/** What tabs of one browser have in common. */
export function sharedStorage(): Storage {
  return { ...memoryStorage(), shared: true };
}

/** The one entry that holds the session. */
export function stored(storage: Storage, { url }: { url: string }, transport = 'bearer') {
  const key = `gatelatch.${transport}.${url.replace(/[^\w.-]+/g, '_')}`;
  const read = async () => JSON.parse((await storage.get(key)) ?? 'null');
  const change = async (fields: object) => storage.set(key, JSON.stringify({ ...(await read()), ...fields }));
  return { read, change };
}
