import { asyncStorage, type Client, createClient, type Session, webStorage } from './client/dist/index.js';

export type Transport = 'bearer' | 'cookie';

/** What came back, with its body where that was JSON. */
// biome-ignore lint/suspicious/noExplicitAny: each panel knows what it asked for.
export type Answer = { ok: boolean; status: number; body: any };

/** A change of who is signed in; `reason` is why nobody is any more. */
export type Change = { session: Session | null; before: Session | null; reason?: string };

/** The way to the server: one client, which is exchanged for another where the transport changes. */
export type Gate = {
  readonly transport: Transport;
  readonly session: Session | null;
  readonly client: Client;
  /** From now on by this transport. */
  use(transport: Transport): Promise<void>;
  /** `ask('GET /me')`; undefined where no answer came, of which the log tells. */
  ask(line: string, body?: object): Promise<Answer | undefined>;
  /** Where the server has ended this session: knocks once more, to be seen refused, and forgets it. */
  leave(): Promise<void>;
  /** Tells each change from now on, and the present at once. */
  follow(listener: (change: Change) => void): void;
};

const remembered = 'playground.transport';

/**
 * @param fetch how the client reaches the server
 * @param isNewSession whether this tab was opened to be a session beside the others
 */
export async function openGate(fetch: typeof globalThis.fetch, isNewSession: boolean): Promise<Gate> {
  const listeners: ((change: Change) => void)[] = [];
  let transport: Transport = 'bearer';
  let client = clientFor(transport);
  let session: Session | null = null;
  let unfollow = follow(client);

  function clientFor(by: Transport): Client {
    // Tokens are this tab's alone, so that two tabs are two sessions. Cookies are the browser's, whatever a tab thinks,
    // so what is known about them is for all tabs, and holds no token.
    const storage = by === 'bearer' ? asyncStorage(sessionStorage) : webStorage(localStorage);
    return createClient({ url: location.origin, transport: by, storage, fetch });
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
