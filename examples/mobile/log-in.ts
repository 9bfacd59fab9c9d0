import { GatelatchError } from '@gatelatch/client';
import { client } from './session';

/** What came of it: `code` when a second factor is due, and otherwise what to tell the user where it does not work. */
export type Outcome = { next: 'home' | 'code' } | { refusal: string };

export function logIn(username: string, password: string): Promise<Outcome> {
  return outcomeOf(client.logIn({ username, password }));
}

/** @param code of the authenticator app, or a recovery code */
export function giveCode(code: string, rememberDevice: boolean): Promise<Outcome> {
  return outcomeOf(client.secondFactor({ code, rememberDevice }));
}

async function outcomeOf(signingIn: Promise<unknown>): Promise<Outcome> {
  try {
    await signingIn;
    return { next: 'home' };
  } catch (error) {
    if (!(error instanceof GatelatchError)) return { refusal: 'There is no connection.' };
    if (error.code === 'second_factor_required') return { next: 'code' };
    if (error.code === 'rate_limited') return { refusal: `Too many attempts. Wait ${error.retryAfter} seconds.` };
    return { refusal: error.message };
  }
}
