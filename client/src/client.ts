import { createAlarm } from './alarm.js';
import { createPost, insisting } from './api.js';
import { createAuthorizedFetch } from './authorized-fetch.js';
import { createDevices } from './devices.js';
import { createEmitter, type Events, type Listener } from './events.js';
import { platform } from './platform.js';
import { createRefresh } from './refresh.js';
import { createSafeStorage } from './safe-storage.js';
import { type Kept, type Session, type SignedOutReason, sessionOf } from './session.js';
import { createSignIn, type SignedIn } from './sign-in.js';
import { createState } from './state.js';
import { memoryStorage, type Storage } from './storage.js';
import { openTabs } from './tabs.js';
import type { PasskeyAnswer, User, VerificationSent } from './wire.js';

export type ClientOptions = {
  /** Where the API is: `https://api.example.com`, or `https://example.com/gate` if a proxy has it under a path. */
  url: string;
  /** Where the tokens are: in bodies and headers (`bearer`, the default), or in cookies that scripts cannot read. */
  transport?: 'bearer' | 'cookie';
  /** Where the session is stored; by default in memory. */
  storage?: Storage;
  fetch?: typeof fetch;
};

/** What proves a second factor: a code of the authenticator app, a recovery code, or a passkey. */
export type SecondFactor = { code: string } | { passkey: PasskeyAnswer };

export interface Client {
  /** @throws GatelatchError `username_taken`, `email_taken`, `validation_failed`, `signup_closed`, … */
  signUp(fields: { username: string; password: string; email?: string }): Promise<SignedIn | VerificationSent>;
  /**
   * @param fields `username` may be an e-mail address; for a passkey take `logInWithPasskey`
   * @throws GatelatchError `second_factor_required`, with its `methods`: go on with `secondFactor`;
   * `invalid_credentials`, `account_disabled`, `email_unverified`, `rate_limited`, …
   */
  logIn(fields: { username: string; password: string; code?: string } | { passkey: PasskeyAnswer }): Promise<User>;
  /**
   * For ways in with an entry of their own: stores the session of the answer as `logIn` does, whose second factor
   * `secondFactor` gives.
   * @param name whose device token is sent and kept
   */
  enter(path: string, name: string, fields: Record<string, unknown>): Promise<SignedIn | VerificationSent>;
  /**
   * Completes the latest `logIn`, if that was rejected with `second_factor_required`.
   * @param fields with `rememberDevice`, the next login here needs no second factor
   * @throws GatelatchError `invalid_code`, `invalid_credentials` (a passkey): ask again; `login_expired`: begin anew; …
   */
  secondFactor(fields: SecondFactor & { rememberDevice?: boolean }): Promise<User>;
  /**
   * Proves anew who the user is, within their session: with the password, and with a `code` where the second factor is
   * on; or with a passkey. Afterwards repeat what was refused (`stepUpNeeded`).
   * @throws GatelatchError `invalid_credentials`, `invalid_code`, `rate_limited`, …
   */
  reauthenticate(fields: { password: string; code?: string } | { passkey: PasskeyAnswer }): Promise<void>;
  /**
   * Forgets the session here in any case, and ends it on the server.
   * @throws if the server could not be reached: this device has forgotten its tokens, but the session lives until it
   * expires, and cookies stay in the browser until `logOut` is called again
   */
  logOut(): Promise<void>;
  /**
   * `fetch` with the session's token. A path is one of the API. Requests to its origin get the access token, refreshed
   * first if it has expired. After a 401 because of the token, it refreshes once and repeats the request once, for
   * which it keeps the body. If the sign-in is too weak or too old for the request even so, it also emits `stepUpNeeded`. Other origins, and requests with their own `Authorization`, are sent unchanged.
   * @throws what `fetch` throws; a GatelatchError if a refresh was needed and the server said "later"
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Refreshes now. With the cookie transport this also finds a session that only the browser's cookies know.
   * @returns null if the user is not signed in (any more)
   * @throws if the server cannot be reached or says "later"; the session is kept
   */
  refresh(): Promise<Session | null>;
  /** The session as known here, without a request. */
  session(): Promise<Session | null>;
  /** @returns a function that removes the listener */
  on<Name extends keyof Events>(event: Name, listener: Listener<Name>): () => void;
  /** Stops timers and listeners. The session stays in its storage. */
  close(): void;
}

export function createClient({
  url,
  transport = 'bearer',
  storage: given = memoryStorage(),
  fetch: send = (...request) => fetch(...request),
}: ClientOptions): Client {
  const { origin, pathname } = new URL(url);
  const base = origin + pathname.replace(/\/+$/, '');
  const cookies = transport === 'cookie';
  const credentials = cookies ? 'include' : 'omit';
  const post = createPost((path, init) => send(base + path, { ...init, credentials }));
  const { on, emit } = createEmitter();
  const storage = createSafeStorage(given, (error) => emit('notStored', { error }));
  // SecureStore takes letters, digits, dot, hyphen and underscore.
  const key = `gatelatch.${transport}.${base.replace(/[^\w.-]+/g, '_')}`;
  const tabs = openTabs(storage.shared ? platform : {}, key, look);
  const alarm = createAlarm((due) => void refresh(due).catch(ignore));
  const state = createState(storage, key, cookies, onChange, tabs.tell);
  const refresh = createRefresh(state, tabs, insisting(post), transport, alarm.failed);

  function look(): void {
    state.look().catch(ignore);
  }

  function onChange(before: Kept | null, now: Kept | null, reason: SignedOutReason = 'logged_out'): void {
    alarm.follow(now);
    if (before === now) return;
    if (!now) emit('signedOut', { reason });
    else emit(before?.sessionId === now.sessionId ? 'refreshed' : 'signedIn', sessionOf(now));
  }

  // A stored session needs its alarm.
  look();
  platform.addEventListener?.('online', alarm.retry);

  const authorized = createAuthorizedFetch(base, send, credentials, state, refresh, (asked) =>
    emit('stepUpNeeded', asked),
  );
  const devices = createDevices(storage, `${key}.devices`);

  return {
    ...createSignIn(transport, post, state, devices, authorized, refresh),
    fetch: authorized,
    refresh: async () => sessionOf(await refresh(await state.look())),
    session: async () => sessionOf(await state.look()),
    on,
    close() {
      alarm.stop();
      tabs.close();
      platform.removeEventListener?.('online', alarm.retry);
    },
  };
}

// Errors in the background also occur at the next use, which can report them.
function ignore(): void {}
