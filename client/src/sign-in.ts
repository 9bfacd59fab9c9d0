import { createPost, insisting, type Post } from './api.js';
import type { Client } from './client.js';
import type { Devices } from './devices.js';
import type { Refresh } from './refresh.js';
import { keptOf } from './session.js';
import type { State } from './state.js';
import type { TokenResponse, User, VerificationSent } from './wire.js';

/** What is sent, and what is named otherwise there. */
type Fields = { rememberDevice?: boolean } & Record<string, unknown>;

export type SignedIn = { status: 'signed_in'; user: User };

type SignIn = Pick<Client, 'signUp' | 'logIn' | 'secondFactor' | 'reauthenticate' | 'logOut'>;

/**
 * How a session begins, grows stronger and ends on purpose: see `Client`.
 * @param authorized `fetch` with the session's token
 */
export function createSignIn(
  transport: 'bearer' | 'cookie',
  post: Post,
  state: State,
  devices: Devices,
  authorized: Client['fetch'],
  refresh: Refresh,
): SignIn {
  /** The login that may wait for its second factor. */
  let waiting = '';
  let loginToken: string | undefined;

  async function begin(answer: TokenResponse, name: string): Promise<User> {
    const { user, device_token } = answer;
    if (device_token) await devices.remember([name, user.username, user.email], device_token);
    await state.write(keptOf(answer));
    return user;
  }

  async function enter(path: string, name: string, { rememberDevice, ...fields }: Fields): Promise<User> {
    // With cookies there is no device token: the browser sends its own.
    const device_token = await devices.tokenFor(name);
    const body = { ...fields, transport, remember_device: rememberDevice, device_token };
    return begin(await post<TokenResponse>(path, body), name);
  }

  return {
    async signUp(fields) {
      const answer = await post<TokenResponse | VerificationSent>('/auth/signup', { ...fields, transport });
      if ('status' in answer) return answer;
      return { status: 'signed_in', user: await begin(answer, fields.username) };
    },

    async logIn(fields) {
      if ('passkey' in fields) return enter('/auth/login/passkey', fields.passkey.id, fields);
      const name = fields.username;
      return enter('/auth/login', name, fields).catch((error) => {
        waiting = name;
        loginToken = error?.loginToken;
        throw error;
      });
    },

    secondFactor: (fields) => enter('/auth/login/second-factor', waiting, { login_token: loginToken, ...fields }),

    async reauthenticate(fields) {
      const kept = await state.look();
      const device_token = kept && (await devices.tokenFor(kept.user.username));
      await createPost(authorized)('/auth/reauthenticate', { ...fields, device_token });
      // The answer's token is of no use: a refresh that is under way would replace it by an older sign-in's.
      // Without an answer now, the next request refreshes.
      await refresh(await state.look()).catch(() => {});
    },

    async logOut() {
      const kept = await state.look();
      await state.write({ ended: 'logged_out' });
      if (!kept && transport === 'bearer') return;
      await insisting(post)('/auth/logout', { refresh_token: kept?.refreshToken }).catch((error) => {
        // A session that the server does not know has ended.
        if (error?.status !== 401) throw error;
      });
    },
  };
}
