import { GatelatchError } from '@gatelatch/client';
import { client } from './session';

/** @returns what to tell the user where it does not work */
export async function logIn(username: string, password: string): Promise<string | undefined> {
  try {
    await client.logIn({ username, password });
    return undefined;
  } catch (error) {
    if (!(error instanceof GatelatchError)) return 'There is no connection.';
    if (error.code === 'rate_limited') return `Too many attempts. Wait ${error.retryAfter} seconds.`;
    return error.message;
  }
}
