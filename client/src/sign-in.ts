import { insisting, type Post } from './api.js';
import type { Client } from './client.js';
import type { Devices } from './devices.js';
import { GatelatchError } from './errors.js';
import { keptOf } from './session.js';
import type { State } from './state.js';
import type { TokenResponse, User, VerificationSent } from './wire.js';

export type SignedIn = { status: 'signed_in'; user: User };

type Needs = { transport: 'bearer' | 'cookie'; post: Post; state: State; devices: Devices };

/** How a session begins and ends on purpose: see `Client`. */
export function createSignIn({ transport, post, state, devices }: Needs): Pick<Client, 'signUp' | 'logIn' | 'logOut'> {
  async function begin(answer: TokenResponse, typed: string): Promise<User> {
    const { user, device_token: deviceToken } = answer;
    if (deviceToken) await devices.remember([typed, user.username, user.email], deviceToken);
    await state.write(keptOf(answer));
    return user;
  }

  return {
    async signUp(fields) {
      const answer = await post<TokenResponse | VerificationSent>('/auth/signup', { ...fields, transport });
      if ('status' in answer) return answer;
      return { status: 'signed_in', user: await begin(answer, fields.username) };
    },

    async logIn(fields) {
      // With cookies there is none: the browser sends its own.
      const deviceToken = await devices.tokenFor(fields.username);
      const body = { ...fields, transport, ...(deviceToken && { device_token: deviceToken }) };
      return begin(await post<TokenResponse>('/auth/login', body), fields.username);
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
