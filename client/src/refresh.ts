import type { Post } from './api.js';
import { GatelatchError } from './errors.js';
import { endings, isSame, type Kept, keptOf } from './session.js';
import type { State } from './state.js';
import type { Tabs } from './tabs.js';
import type { TokenResponse } from './wire.js';

/**
 * Gets new tokens unless another call or tab already did. Calls in any number of tabs share one request.
 * @param seen the tokens that are due or were refused
 * @returns the current session, or null if the user is not signed in (any more)
 * @throws what `fetch` throws, or GatelatchError if the server says "later"
 */
export type Refresh = (seen: Kept | null) => Promise<Kept | null>;

/** @param onFailure gets the milliseconds that the server asked to wait */
export function createRefresh(
  state: State,
  tabs: Tabs,
  post: Post,
  transport: 'bearer' | 'cookie',
  onFailure: (wait: number) => void,
): Refresh {
  const cookies = transport === 'cookie';
  // Only cookies can be missing: the browser dropped them.
  const fatal = endings.filter((code) => cookies || code !== 'unauthenticated');
  let underWay: Promise<Kept | null> | undefined;
  let refusal: unknown;
  let refusedUntil = 0;

  async function refresh(seen: Kept | null): Promise<Kept | null> {
    const kept = await state.look();
    if (!isSame(kept, seen) || !(kept || cookies)) return kept;
    if (Date.now() < refusedUntil) throw refusal;
    try {
      return await replace(kept);
    } catch (error) {
      const { status, code, retryAfter = 0 }: Partial<GatelatchError> = error instanceof GatelatchError ? error : {};
      const ended = status === 401 && fatal.find((ending) => ending === code);
      if (ended) return kept && state.write({ ended }, (found) => isSame(found, kept));
      const wait = retryAfter * 1000;
      refusal = error;
      refusedUntil = Date.now() + wait;
      onFailure(wait);
      throw error;
    }
  }

  async function replace(kept: Kept | null): Promise<Kept | null> {
    const answer = await post<TokenResponse>('/auth/refresh', { refresh_token: kept?.refreshToken, transport });
    // The sign-in page of a public network answers 200, too.
    if (!answer.session_id) throw new TypeError('No session');
    return state.write(keptOf(answer), (found) => isSame(found, kept));
  }

  return async (seen) => {
    while (underWay) {
      const now = await underWay;
      // Otherwise it was about older tokens, already replaced by these.
      if (!isSame(now, seen)) return now;
    }
    underWay = tabs
      .alone(
        () => refresh(seen),
        async () => !isSame(await state.look(), seen),
      )
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
}
