import { apiUrl } from './api-url.js';
import { asyncStorage, type Client, createClient, type Session, webStorage } from './client/dist/index.js';

export type Transport = 'bearer' | 'cookie';

/** A response, with its body if that is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: each panel knows what it asked for.
export type Answer = { ok: boolean; status: number; body: any };

export type Refusal = { code?: string; message: string; errors?: { path: string; message: string }[] };

/** A change of the signed-in user; `reason` says why a session ended. */
export type Change = { session: Session | null; before: Session | null; reason?: string };

/** The page's session: one client, which is replaced when the transport changes. */
export type PlaygroundSession = {
  readonly transport: Transport;
  readonly session: Session | null;
  readonly client: Client;
  /** Changes the transport. */
  use(transport: Transport): Promise<void>;
  /** `ask('GET /me')`; undefined without an answer, which the log shows. */
  ask(line: string, body?: object): Promise<Answer | undefined>;
  /** For a session that the server has ended: one more request shows the refusal, then the page forgets it. */
  leave(): Promise<void>;
  /** Reports the present state at once, and each later change. */
  follow(listener: (change: Change) => void): void;
};

/** The refusal as an error of the client has it. */
export function refusalOf(answer: Answer | undefined): Refusal {
  if (!answer) return { message: '' };
  return { code: answer.body?.code, message: answer.body?.detail ?? '', errors: answer.body?.errors };
}

const remembered = 'playground.transport';

/**
 * @param fetch how the client reaches the server
 * @param isNewSession whether this tab was opened for a second session
 */
export async function openSession(fetch: typeof globalThis.fetch, isNewSession: boolean): Promise<PlaygroundSession> {
  const listeners: ((change: Change) => void)[] = [];
  let transport: Transport = 'bearer';
  let client = clientFor(transport);
  let session: Session | null = null;
  let unfollow = follow(client);

  function clientFor(by: Transport): Client {
    // Each tab has its own tokens, so two tabs are two sessions. All tabs share the browser's cookies, so what is known
    // about them is shared too, and holds no token.
    const storage = by === 'bearer' ? asyncStorage(sessionStorage) : webStorage(localStorage);
    return createClient({ url: apiUrl().href, transport: by, storage, fetch });
  }

  function change(next: Session | null, reason?: string): void {
    const before = session;
    session = next;
    for (const listener of listeners) listener({ session, before, ...(reason !== undefined && { reason }) });
  }

  function follow(followed: Client): () => void {
    const ends = [
      followed.on('signedIn', (now) => change(now)),
      followed.on('refreshed', (now) => change(now)),
      followed.on('signedOut', ({ reason }) => change(null, reason)),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  async function use(next: Transport): Promise<void> {
    sessionStorage.setItem(remembered, next);
    if (next === transport) return;
    unfollow();
    client.close();
    transport = next;
    client = clientFor(next);
    unfollow = follow(client);
    session = await client.session();
  }

  async function ask(line: string, body?: object): Promise<Answer | undefined> {
    const [method = 'GET', path = '/'] = line.split(' ');
    const headers = { 'Content-Type': 'application/json' };
    const sent = body ? { method, headers, body: JSON.stringify(body) } : { method };
    try {
      const answer = await client.fetch(path, sent);
      return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => undefined) };
    } catch {
      return undefined;
    }
  }

  async function leave(): Promise<void> {
    await ask('GET /welcome');
    // With cookies nothing is left that could be refused as ended: the answer has cleared them.
    if (await client.session()) await client.logOut().catch(() => {});
  }

  session = await client.session();
  if (sessionStorage.getItem(remembered) === 'cookie') await use('cookie');
  else if (!session && !isNewSession) await useCookiesIfThereAre();

  /** Another tab may have signed in by cookies, and so this one, too. */
  async function useCookiesIfThereAre(): Promise<void> {
    await use('cookie');
    if (!session) await use('bearer');
  }

  return {
    get transport() {
      return transport;
    },
    get session() {
      return session;
    },
    get client() {
      return client;
    },
    use,
    ask,
    leave,
    follow(listener) {
      listeners.push(listener);
      listener({ session, before: null });
    },
  };
}
