import type { Credentials } from './api.js';
import type { Client } from './client.js';
import { problemOf } from './errors.js';
import type { StepUp } from './events.js';
import type { Refresh } from './refresh.js';
import { hasExpired, type Kept } from './session.js';
import type { State } from './state.js';
import type { Problem } from './wire.js';

const stepUp = 'insufficient_user_authentication';

/** The refusals that new tokens may fix. Any other 401 is about the request, or final. */
const mended: (string | undefined)[] = ['token_expired', 'token_stale', 'invalid_token', stepUp];

/** An answer, and why the token was not taken; empty if it was. */
type Attempt = [Response, refusal: Partial<Problem>];

/**
 * `fetch` with the session's token: see `Client.fetch`.
 * @param base the API's URL, without a slash at its end
 * @param onStepUp for each request that is refused until the user proves anew who they are
 */
export function createAuthorizedFetch(
  base: string,
  send: typeof fetch,
  credentials: Credentials,
  state: State,
  refresh: Refresh,
  onStepUp: (asked: StepUp) => void,
): Client['fetch'] {
  const { origin } = new URL(base);

  async function attempt(request: Request, kept: Kept | null): Promise<Attempt> {
    if (kept?.accessToken) request.headers.set('Authorization', `Bearer ${kept.accessToken}`);
    const answer = await send(request);
    const refusal = answer.status === 401 ? await problemOf(answer) : {};
    // Only this session, not one started meanwhile.
    if (kept && refusal.code === 'session_revoked')
      await state.write({ ended: refusal.code }, (found) => found?.sessionId === kept.sessionId);
    return [answer, refusal];
  }

  return async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const asked = input instanceof Request ? input : urlOf(base, input);
    if (new URL(asked instanceof Request ? asked.url : asked).origin !== origin) return send(asked, init);
    const request = new Request(asked, { credentials, ...init });
    if (request.headers.has('Authorization')) return send(request);

    const found = await state.look();
    // By the clock, not only by the alarm: a frozen tab has missed it.
    const kept = found && hasExpired(found) ? await refresh(found) : found;
    const first = await attempt(request.clone(), kept);
    if (!mended.includes(first[1].code)) return first[0];
    const renewed = await refresh(kept);
    const [answer, refusal] = renewed ? await attempt(request, renewed) : first;
    if (refusal.code === stepUp) onStepUp({ acrValues: refusal.acr_values, maxAge: refusal.max_age });
    return answer;
  };
}

/** A path is one of the API, also if the API itself is under a path. */
function urlOf(base: string, input: string | URL): URL {
  const isPath = typeof input === 'string' && /^\/(?![/\\])/.test(input);
  return new URL(isPath ? base + input : input, `${base}/`);
}
