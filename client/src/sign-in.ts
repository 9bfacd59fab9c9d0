import { insisting, type Post } from './api.js';
import type { Client } from './client.js';
import type { Devices } from './devices.js';
import { GatelatchError, problemOf } from './errors.js';
import type { Refresh } from './refresh.js';
import { keptOf } from './session.js';
import type { State } from './state.js';
import type { TokenResponse, User, VerificationSent } from './wire.js';

/** What is sent, and what is named otherwise there. */
type Fields = { rememberDevice?: boolean } & Record<string, unknown>;

export type SignedIn = { status: 'signed_in'; user: User };

type Needs = {
  transport: 'bearer' | 'cookie';
  post: Post;
  state: State;
  devices: Devices;
  /** `fetch` with the session's token. */
  authorized: Client['fetch'];
  refresh: Refresh;
};

type SignIn = Pick<Client, 'signUp' | 'logIn' | 'enter' | 'secondFactor' | 'reauthenticate' | 'logOut'>;

/** How a session begins, grows stronger and ends on purpose: see `Client`. */
export function createSignIn({ transport, post, state, devices, authorized, refresh }: Needs): SignIn {
  /** The login that may wait for its second factor. */
  let waiting: { name: string; token: string | undefined } | undefined;

  async function begin<Answer extends TokenResponse | VerificationSent>(answer: Answer, name: string): Promise<Answer> {
    if ('status' in answer) return answer;
    const { user, device_token: deviceToken } = answer;
    if (deviceToken) await devices.remember([name, user.username, user.email], deviceToken);
    await state.write(keptOf(answer));
    return answer;
  }

  async function give<Answer extends TokenResponse | VerificationSent = TokenResponse>(
    path: string,
    name: string,
    { rememberDevice, ...fields }: Fields,
  ): Promise<Answer> {
    // With cookies there is none: the browser sends its own.
    const deviceToken = await devices.tokenFor(name);
    const body = {
      ...fields,
      transport,
      ...(rememberDevice && { remember_device: true }),
      ...(deviceToken && { device_token: deviceToken }),
    };
    return begin(await post<Answer>(path, body), name);
  }

  async function enter<Answer extends TokenResponse | VerificationSent>(path: string, name: string, fields: Fields) {
    try {
      return await give<Answer>(path, name, fields);
    } catch (error) {
      waiting = { name, token: (error as Partial<GatelatchError>).loginToken };
      throw error;
    }
  }

  return {
    enter,

    async signUp(fields) {
      const sent = await post<TokenResponse | VerificationSent>('/auth/signup', { ...fields, transport });
      const answer = await begin(sent, fields.username);
      return 'status' in answer ? answer : { status: 'signed_in', user: answer.user };
    },

    async logIn(fields) {
      const answer =
        'passkey' in fields
          ? await give('/auth/login/passkey', fields.passkey.id, fields)
          : await enter<TokenResponse>('/auth/login', fields.username, fields);
      return answer.user;
    },

    async secondFactor(fields) {
      const given = { login_token: waiting?.token, ...fields };
      return (await give('/auth/login/second-factor', `${waiting?.name}`, given)).user;
    },

    async reauthenticate(fields) {
      const answer = await authorized('/auth/reauthenticate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(fields),
      });
      if (!answer.ok) throw new GatelatchError(answer, await problemOf(answer));
      // The answer's token is of no use: a refresh that is under way would replace it by an older sign-in's.
      // Without an answer now, the next request refreshes.
      await refresh(await state.look()).catch(() => {});
    },

    async logOut() {
      const kept = await state.look();
      await state.write({ ended: 'logged_out' });
      if (!kept && transport === 'bearer') return;
      const body = kept?.refreshToken ? { refresh_token: kept.refreshToken } : {};
      await insisting(post)('/auth/logout', body).catch(unlessUnknown);
    },
  };
}

// A session that the server does not know has ended.
function unlessUnknown(error: unknown): void {
  if (!(error instanceof GatelatchError && error.status === 401)) throw error;
}
