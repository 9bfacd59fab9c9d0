import type { Post } from './api.js';
import { GatelatchError } from './errors.js';
import { isSame, type Kept, keptOf, type SignedOutReason } from './session.js';
import type { State } from './state.js';
import type { Tabs } from './tabs.js';
import type { TokenResponse } from './wire.js';

/** Refusals that end the session; after any other failure it stays. */
const endings: SignedOutReason[] = ['invalid_refresh_token', 'refresh_token_reused', 'session_revoked'];
// Only cookies can be missing: the browser dropped them.
const endingsByCookie: SignedOutReason[] = [...endings, 'unauthenticated'];

/**
 * Gets new tokens unless another call or tab already did. Calls in any number of tabs share one request.
 * @param seen the tokens that are due or were refused
 * @returns the current session, or null if the user is not signed in (any more)
 * @throws what `fetch` throws, or GatelatchError if the server says "later"
 */
export type Refresh = (seen: Kept | null) => Promise<Kept | null>;

type Needs = {
  state: State;
  tabs: Tabs;
  post: Post;
  cookies: boolean;
  /** @param wait milliseconds that the server asked to wait */
  onFailure: (wait: number) => void;
};

export function createRefresh({ state, tabs, post, cookies, onFailure }: Needs): Refresh {
  let underWay: Promise<Kept | null> | undefined;
  let refusal: { until: number; error: GatelatchError } | undefined;

  async function refresh(seen: Kept | null): Promise<Kept | null> {
    const kept = await state.look();
    if (!isSame(kept, seen) || !(kept || cookies)) return kept;
    if (refusal && Date.now() < refusal.until) throw refusal.error;
    try {
      return await replace(kept);
    } catch (error) {
      const ended = endingIn(error);
      if (ended) return kept && state.write({ ended }, (found) => isSame(found, kept));
      const wait = error instanceof GatelatchError ? (error.retryAfter ?? 0) * 1000 : 0;
      if (wait) refusal = { until: Date.now() + wait, error: error as GatelatchError };
      onFailure(wait);
      throw error;
    }
  }

  function endingIn(error: unknown): SignedOutReason | undefined {
    if (!(error instanceof GatelatchError) || error.status !== 401) return undefined;
    return (cookies ? endingsByCookie : endings).find((code) => code === error.code);
  }

  async function replace(kept: Kept | null): Promise<Kept | null> {
    const body = kept?.refreshToken ? { refresh_token: kept.refreshToken } : { transport: 'cookie' };
    const answer = await post<TokenResponse>('/auth/refresh', body);
    // The sign-in page of a public network answers 200, too.
    if (!answer.session_id) throw new TypeError('The answer holds no session.');
    return state.write(keptOf(answer), (found) => isSame(found, kept));
  }

  function fly(seen: Kept | null): Promise<Kept | null> {
    underWay = tabs
      .alone(
        () => refresh(seen),
        async () => !isSame(await state.look(), seen),
      )
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  }

  return async (seen) => {
    while (underWay) {
      const now = await underWay;
      // Otherwise it was about older tokens, already replaced by these.
      if (!isSame(now, seen)) return now;
    }
    return fly(seen);
  };
}
