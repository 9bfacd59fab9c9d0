import { ask, createPost } from './api.js';
import type { Client } from './client.js';
import { GatelatchError } from './errors.js';
import { challengeOf, randomText } from './pkce.js';
import type { SignedIn } from './sign-in.js';
import { asyncStorage, type ItemStore, memoryStorage, type Storage } from './storage.js';
import { parseJson } from './stored-session.js';
import type { Identity, Provider, VerificationSent } from './wire.js';

export type { Identity, Provider } from './wire.js';

/** The used part of a page, which apps and Node do not have. */
const page = globalThis as unknown as {
  document?: unknown;
  location: { href: string; assign(url: string): void };
  history?: { state: unknown; replaceState(state: unknown, unused: string, url: URL): void };
  sessionStorage?: ItemStore;
};

export type Journey = {
  /** Where the provider's answer is to arrive: a page or link of this app, one of the server's `REDIRECT_URIS`. */
  redirectUri: string;
  prompt?: 'login' | 'select_account';
  /** Who is expected, as the provider knows them. */
  loginHint?: string;
  /** Where this is remembered until the answer: by default in `sessionStorage`, or in memory where there is none. */
  storage?: Storage;
  /** The server's `JWT_ISSUER`, if that is not the client's `url`. */
  issuer?: string;
};

/** What came of it: a session, a mail to a new user whose address is to be verified first, or one more way to sign in. */
export type Finished = SignedIn | VerificationSent | { status: 'linked'; identity: Identity };

/** An answer that brings no code, or that was not asked for here. The message is for people. */
export class ExternalLoginError extends Error {
  override readonly name = 'ExternalLoginError';
  /** `access_denied`: the user did not want to; `not_asked_for`: not from here, too long ago, or dealt with already. */
  readonly code: keyof typeof reasons;

  constructor(code: keyof typeof reasons) {
    super(reasons[code]);
    this.code = code;
  }
}

const reasons = {
  access_denied: 'The sign-in was cancelled there.',
  external_login_failed: 'The sign-in there failed.',
  not_asked_for: 'This sign-in was not begun here. Begin anew.',
};

/** What is remembered while the user is away. */
type Flow = {
  provider: string;
  state: string;
  verifier: string;
  issuer: string;
  /** The user to link with, else it is to sign in. */
  user?: string | undefined;
};

// One at a time: where the user went last.
const key = 'gatelatch.external';
const memory = memoryStorage();

/** Who can vouch for users: for one button each. */
export async function listProviders(client: Client): Promise<Provider[]> {
  const get = createPost((path) => client.fetch(path));
  return (await get<{ data: Provider[] }>('/auth/providers', {})).data;
}

/**
 * Signs in by a provider: a page goes there. Its answer comes to `redirectUri`, which gives it to `finishExternal`.
 * @param provider a name of `listProviders`
 * @returns the address, for apps: to be opened in the system's browser
 * @throws GatelatchError `validation_failed` (`redirectUri`), `provider_unavailable`, `rate_limited`, …
 */
export function logInWith(client: Client, provider: string, journey: Journey): Promise<string> {
  return leaveFor(client, provider, journey);
}

/** The same, to add the identity to the signed-in user. @throws TypeError if nobody is signed in */
export async function linkWith(client: Client, provider: string, journey: Journey): Promise<string> {
  const session = await client.session();
  if (!session) throw new TypeError('Nobody is signed in');
  return leaveFor(client, provider, journey, session.user.id);
}

/**
 * Completes `logInWith` or `linkWith`, and takes the code out of the page's address.
 * @param url what was opened at `redirectUri`, in a page `location.href`
 * @param fields a `username` for a new user, else there will be one; a `password` to link, unless the user has just
 * signed in with two factors or has no password; `storage` as it was given
 * @throws GatelatchError `second_factor_required`: go on with `client.secondFactor`; `link_required`: the address is a
 * user's, who signs in as usual and then calls `linkIdentity` with the error's `linkToken`; `username_taken`,
 * `invalid_credentials`, `insufficient_user_authentication`: call it again with the same `url` within a minute; …
 * @throws ExternalLoginError
 */
export function finishExternal(
  client: Client,
  url: string,
  fields: { username?: string; password?: string; storage?: Storage } = {},
): Promise<Finished> {
  // A framework may run a page's beginning twice, but a code's second use would end the session.
  const same = underWay.get(url);
  if (same) return same;
  const finished = finish(client, url, fields).finally(() => {
    underWay.delete(url);
    cleanAddress(url);
  });
  underWay.set(url, finished);
  return finished;
}

const underWay = new Map<string, Promise<Finished>>();

/**
 * Adds to the signed-in user the identity that was refused with `link_required`.
 * @param fields the error's `linkToken`, which is good for ten minutes; `password` as of `finishExternal`
 * @throws GatelatchError `invalid_token`, `identity_taken`, `invalid_credentials`, `insufficient_user_authentication`, …
 */
export function linkIdentity(
  client: Client,
  { linkToken, password }: { linkToken: string; password?: string },
): Promise<Identity> {
  return ask(client, '/me/identities', { link_token: linkToken, password });
}

/**
 * Removes an identity of the signed-in user, and ends the sessions that it began.
 * @param id as in `GET /me/sign-in-methods`
 * @throws GatelatchError `last_sign_in_method`, `invalid_credentials`, `insufficient_user_authentication`, …
 */
export function unlink(client: Client, id: string, { password }: { password?: string } = {}): Promise<void> {
  return ask(client, `/me/identities/${id}`, { password }, 'DELETE');
}

async function leaveFor(client: Client, provider: string, journey: Journey, user?: string): Promise<string> {
  const flow = { provider, state: randomText(), verifier: randomText(), user };
  // The code is for this server alone, whatever another one's provider may have sent along (RFC 9207).
  let { issuer } = journey;
  const post = createPost(async (path, init) => {
    const answer = await client.fetch(path, init);
    issuer ??= answer.url.slice(0, -path.length);
    return answer;
  });
  const { url } = await post<{ url: string }>('/auth/external', {
    provider,
    redirect_uri: journey.redirectUri,
    code_challenge: await challengeOf(flow.verifier),
    state: flow.state,
    prompt: journey.prompt,
    login_hint: journey.loginHint,
  });
  await storageOf(journey).set(key, JSON.stringify({ ...flow, issuer }));
  if (page.document) page.location.assign(url);
  return url;
}

async function finish(
  client: Client,
  url: string,
  { username, password, ...options }: { username?: string; password?: string; storage?: Storage },
): Promise<Finished> {
  const answer = new URL(url).searchParams;
  const storage = storageOf(options);
  const stored = await storage.get(key);
  const flow = parseJson(stored ?? null) as Flow | null;
  const isOurs =
    flow && answer.get('state') === flow.state && withoutSlash(answer.get('iss')) === withoutSlash(flow.issuer);
  if (!isOurs) throw new ExternalLoginError('not_asked_for');
  await storage.remove(key);
  if (flow.user !== undefined && (await client.session())?.user.id !== flow.user)
    throw new ExternalLoginError('not_asked_for');
  const code = answer.get('code');
  if (!code)
    throw new ExternalLoginError(answer.get('error') === 'access_denied' ? 'access_denied' : 'external_login_failed');

  const proof = { code, code_verifier: flow.verifier };
  try {
    if (flow.user !== undefined)
      return { status: 'linked', identity: await ask(client, '/me/identities', { ...proof, password }) };
    return await client.enter('/auth/external/token', flow.provider, { ...proof, username });
  } catch (error) {
    if (mayGoOn(error)) await storage.set(key, `${stored}`);
    throw error;
  }
}

/** Whether the code may still be good, with other fields or a little later. */
function mayGoOn(error: unknown): boolean {
  if (!(error instanceof GatelatchError)) return true;
  return error.code === 'username_taken' || [401, 422, 429].includes(error.status) || error.status >= 500;
}

function storageOf({ storage }: { storage?: Storage }): Storage {
  if (storage) return storage;
  try {
    return page.sessionStorage ? asyncStorage(page.sessionStorage) : memory;
  } catch {
    // The browser does not want pages to store anything.
    return memory;
  }
}

/** A code is of no more use, but it need not be in the history, nor be tried again by a reload. */
function cleanAddress(url: string): void {
  if (!page.history || page.location.href !== url) return;
  const clean = new URL(url);
  for (const name of ['code', 'state', 'iss', 'error']) clean.searchParams.delete(name);
  page.history.replaceState(page.history.state, '', clean);
}

function withoutSlash(url: string | null): string {
  return `${url}`.replace(/\/$/, '');
}
