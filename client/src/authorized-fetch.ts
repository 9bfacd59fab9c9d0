import type { Credentials } from './api.js';
import { problemOf } from './errors.js';
import type { StepUp } from './events.js';
import type { Refresh } from './refresh.js';
import { hasExpired, type Kept } from './session.js';
import type { State } from './state.js';
import type { Problem } from './wire.js';

const stepUp = 'insufficient_user_authentication';

/** The refusals that new tokens may fix. Any other 401 is about the request, or final. */
const mended: (string | undefined)[] = ['token_expired', 'token_stale', 'invalid_token', stepUp];

type Needs = {
  /** The API's URL, without a slash at its end. */
  base: string;
  send: typeof fetch;
  credentials: Credentials;
  state: State;
  refresh: Refresh;
  /** For each request that is refused until the user proves anew who they are. */
  onStepUp: (asked: StepUp) => void;
};

/** `fetch` with the session's token: see `Client.fetch`. */
export function createAuthorizedFetch({ base, send, credentials, state, refresh, onStepUp }: Needs) {
  const { origin } = new URL(base);

  async function current(): Promise<Kept | null> {
    const kept = await state.look();
    // By the clock, not only by the alarm: a frozen tab has missed it.
    return kept && hasExpired(kept) ? refresh(kept) : kept;
  }

  async function attempt(request: Request, kept: Kept | null): Promise<Response> {
    if (kept?.accessToken) request.headers.set('Authorization', `Bearer ${kept.accessToken}`);
    const answer = await send(request);
    // Only this session, not one started meanwhile.
    if (kept && (await codeOf(answer)) === 'session_revoked')
      await state.write({ ended: 'session_revoked' }, (found) => found?.sessionId === kept.sessionId);
    return answer;
  }

  return async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const asked = input instanceof Request ? input : urlOf(base, input);
    if (new URL(asked instanceof Request ? asked.url : asked).origin !== origin) return send(asked, init);
    const request = new Request(asked, { credentials, ...init });
    if (request.headers.has('Authorization')) return send(request);

    const kept = await current();
    const answer = await attempt(request.clone(), kept);
    if (!mended.includes(await codeOf(answer))) return answer;
    const renewed = await refresh(kept);
    const last = renewed ? await attempt(request, renewed) : answer;
    const { code, acr_values: acrValues, max_age: maxAge } = await refusalIn(last);
    if (code === stepUp) onStepUp({ acrValues, maxAge });
    return last;
  };
}

/** A path is one of the API, also if the API itself is under a path. */
function urlOf(base: string, input: string | URL): URL {
  const isPath = typeof input === 'string' && /^\/(?![/\\])/.test(input);
  return isPath ? new URL(base + input) : new URL(input, `${base}/`);
}

async function codeOf(answer: Response): Promise<string | undefined> {
  return (await refusalIn(answer)).code;
}

/** Why the token was not taken; empty if it was. */
async function refusalIn(answer: Response): Promise<Partial<Problem>> {
  return answer.status === 401 ? problemOf(answer) : {};
}
