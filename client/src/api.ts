import type { Client } from './client.js';
import { GatelatchError, problemOf } from './errors.js';

// Two attempts must fit into the 30 seconds in which the server accepts a replaced refresh token.
const patience = 10_000;

/** A request of the client itself. @throws GatelatchError if the API refuses; the error of `fetch` without an answer */
export type Post = <Answer>(path: string, body: object, signal?: AbortSignal) => Promise<Answer>;

/** With bearer tokens none: cookies of another client must not decide anything. */
export type Credentials = 'include' | 'omit';

/** @param send gets a path of the API */
export function createPost(send: (path: string, init: RequestInit) => Promise<Response>): Post {
  return async <Answer>(path: string, body: object, signal: AbortSignal | null = null) => {
    const response = await send(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) throw new GatelatchError(response, await problemOf(response));
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  };
}

/** A request of another entry, by whoever is signed in. */
export function ask<Answer>(
  client: Pick<Client, 'fetch'>,
  path: string,
  body: object = {},
  method = 'POST',
): Promise<Answer> {
  return createPost((to, init) => client.fetch(to, { ...init, method }))(path, body);
}

/** For requests that may be repeated: without an answer within 10 s, asks once more. */
export function insisting(post: Post): Post {
  return async (path, body) => {
    const attempt = () => {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), patience);
      return post<never>(path, body, late.signal).finally(() => clearTimeout(timer));
    };
    return attempt().catch((error) => {
      if (error instanceof GatelatchError) throw error;
      return attempt();
    });
  };
}
