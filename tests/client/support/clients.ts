import { onTestFinished } from 'vitest';
import {
  type Client,
  type ClientOptions,
  createClient,
  memoryStorage,
  type Storage,
} from '../../../client/src/index.js';
import { goodPassword } from '../../support/app.js';

/** Creates a client of this server and closes it after the current test. */
export function startClient({ url }: { url: string }, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url, ...options });
  onTestFinished(client.close);
  return client;
}

/** {@link startClient}, already signed up and signed in. */
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

/** Records the events of a client from now on, as `[name, event]`. */
export function heard(client: Client): [name: string, event: unknown][] {
  const events: [string, unknown][] = [];
  for (const name of ['signedIn', 'signedOut', 'refreshed'] as const)
    client.on(name, (event) => events.push([name, event]));
  return events;
}

/** The code of a refused response. */
export async function codeOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { code?: unknown }).code;
}

/** A storage as the tabs of one browser share it. */
export function sharedStorage(): Storage {
  return { ...memoryStorage(), shared: true };
}

/** Reads and changes the stored entry that holds the session. */
export function stored(storage: Storage, { url }: { url: string }, transport = 'bearer') {
  const key = `gatelatch.${transport}.${url.replace(/[^\w.-]+/g, '_')}`;
  const read = async () => JSON.parse((await storage.get(key)) ?? 'null');
  const change = async (fields: object) => storage.set(key, JSON.stringify({ ...(await read()), ...fields }));
  return { read, change };
}
