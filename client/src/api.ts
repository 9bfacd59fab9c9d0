import { GatelatchError, problemOf } from './errors.js';

// Two tries must fit into the half minute in which the server forgives that its answer was lost.
const patience = 10_000;

/**
 * A request of the client's own.
 * @throws GatelatchError where the API refuses; what `fetch` throws where no answer came
 */
export type Post = <Answer>(path: string, body: object, signal?: AbortSignal) => Promise<Answer>;

/** With bearer tokens none: cookies that another client left must not decide anything. */
export type Credentials = 'include' | 'omit';

export function createPost(origin: string, send: typeof fetch, credentials: Credentials): Post {
  return async <Answer>(path: string, body: object, signal?: AbortSignal) => {
    const response = await send(origin + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      credentials,
      ...(signal && { signal }),
    });
    if (!response.ok) throw new GatelatchError(response, await problemOf(response));
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  };
}

/** For what may be asked twice: where the answer is lost, or takes longer than 10 s, it is asked for once more. */
export function insisting(post: Post): Post {
  return async (path, body) => {
    try {
      return await inTime((signal) => post(path, body, signal));
    } catch (error) {
      if (error instanceof GatelatchError) throw error;
      return inTime((signal) => post(path, body, signal));
    }
  };
}

async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patience);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}
