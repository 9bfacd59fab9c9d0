import type { Client } from './client.js';
import { GatelatchError, problemOf } from './errors.js';

/** A request by the signed-in user, or nobody. @throws GatelatchError if the API refuses */
export async function ask<Answer>(client: Client, line: string, body?: object): Promise<Answer> {
  const answer = await send(client, line, body);
  return (answer.status === 204 ? undefined : await answer.json()) as Answer;
}

/** {@link ask}, for what is not in the body. */
export async function send(client: Client, line: string, body?: object): Promise<Response> {
  const [method = '', path = ''] = line.split(' ');
  const headers = { 'Content-Type': 'application/json' };
  const answer = await client.fetch(path, { method, ...(body && { headers, body: JSON.stringify(body) }) });
  if (!answer.ok) throw new GatelatchError(answer, await problemOf(answer));
  return answer;
}
