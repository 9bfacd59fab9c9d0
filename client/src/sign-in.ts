import { createPost, insisting, type Post } from './api.js';
import type { Client } from './client.js';
import type { Devices } from './devices.js';
import type { Refresh } from './refresh.js';
import { keptOf } from './session.js';
import type { State } from './state.js';
import type { TokenResponse, User, VerificationSent } from './wire.js';

/** What is sent, and what is named otherwise there. */
type Fields = { rememberDevice?: boolean } & Record<string, unknown>;

type Answer = (TokenResponse & { status?: undefined }) | VerificationSent;

export type SignedIn = { status: 'signed_in'; user: User };

type SignIn = Pick<Client, 'signUp' | 'logIn' | 'enter' | 'secondFactor' | 'reauthenticate' | 'logOut'>;

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
  let loginToken: unknown;

  async function begin(answer: Answer, name: string): Promise<SignedIn | VerificationSent> {
    if (answer.status) return answer;
    const { user } = answer;
    if (answer.device_token) await devices.remember([name, user.username, user.email], answer.device_token);
    await state.write(keptOf(answer));
    return { status: 'signed_in', user };
  }

  async function enter(path: string, name: string, { rememberDevice, ...fields }: Fields) {
    const answer = await post<Answer>(path, {
      ...fields,
      transport,
      remember_device: rememberDevice,
      // With cookies there is none: the browser sends its own.
      device_token: await devices.tokenFor(name),
    }).catch((error) => {
      waiting = name;
      loginToken = error.loginToken ?? fields.login_token;
      throw error;
    });
    return begin(answer, name);
  }

  return {
    enter,

    signUp: async (fields) => begin(await post('/auth/signup', { ...fields, transport }), fields.username),

    async logIn(fields) {
      const signIn =
        'passkey' in fields
          ? enter('/auth/login/passkey', fields.passkey.id, fields)
          : enter('/auth/login', fields.username, fields);
      return (await signIn).user;
    },

    async secondFactor(fields) {
      return (await enter('/auth/login/second-factor', waiting, { login_token: loginToken, ...fields })).user;
    },

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
