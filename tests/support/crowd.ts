import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { newName, type Tokens, tokensOf } from './instance.js';
import { recordRequest, type Seen } from './witness.js';

/** Simulated users who use the server all the time and remember what it has promised them. */
export type SimulatedUsers = {
  seen: Seen[];
  /** Lets them all finish their requests. @throws if one of them got a wrong response */
  stop(): Promise<void>;
  /**
   * Checks that every session it gave goes on, and that every acknowledged user can log in.
   * @returns how many of each
   */
  expectNothingLost(): Promise<{ sessions: number; users: number }>;
};

/** Only they use this password, so finding it elsewhere means a leak. */
export const simulatedPassword = 'the crowd has one password 4711';

/** Starts them, with about ten requests a second each. */
export async function startSimulatedUsers(url: string, people = 8): Promise<SimulatedUsers> {
  const seen: Seen[] = [];
  const sessions: Tokens[] = [];
  const usernames: string[] = [];
  let stopped = false;

  async function ask(line: string, asking: Parameters<typeof recordRequest>[2]): Promise<Seen> {
    const answer = await recordRequest(url, line, asking);
    seen.push(answer);
    return answer;
  }

  function remember(username: string, answer: Seen): void {
    if (answer.status === 503) return;
    sessions.push(tokensOf(username, answer));
    usernames.push(username);
  }

  async function signUp(): Promise<void> {
    const username = newName();
    remember(username, await ask('POST /auth/signup', { body: { username, password: simulatedPassword } }));
  }

  async function logIn(username: string): Promise<void> {
    remember(username, await ask('POST /auth/login', { body: { username, password: simulatedPassword } }));
  }

  /** Two tabs refresh at once. Without a response they keep the old token. */
  async function refresh(session: Tokens): Promise<void> {
    const once = () => ask('POST /auth/refresh', { body: { refresh_token: session.refresh } });
    const answers = (await Promise.all([once(), once()])).filter(({ status }) => status === 200);
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size, 'two tabs, one successor').toBeLessThan(2);
    for (const { body } of answers) Object.assign(session, { access: body.access_token, refresh: body.refresh_token });
  }

  async function live(session: Tokens): Promise<void> {
    for (let round = 0; !stopped; round++) {
      await ask('GET /welcome', { bearer: session.access });
      await ask('GET /me', { bearer: session.access });
      await refresh(session);
      if (round % 3 === 0) await logIn(session.username);
      if (round % 3 === 1) await signUp();
      await sleep(200 + Math.random() * 200);
    }
  }

  for (let n = 0; n < people; n++) await signUp();
  const failures: unknown[] = [];
  const living = [...sessions].map((session) => live(session).catch((error) => failures.push(error)));
  return {
    seen,
    async stop() {
      stopped = true;
      await Promise.all(living);
      if (failures.length > 0) throw failures[0];
    },
    async expectNothingLost() {
      for (const session of sessions) {
        const { status, body } = await recordRequest(url, 'POST /auth/refresh', {
          body: { refresh_token: session.refresh },
        });
        expect([session.sessionId, status, body.code]).toEqual([body.session_id, 200, undefined]);
      }
      for (const username of new Set(usernames)) {
        const { status } = await recordRequest(url, 'POST /auth/login', {
          body: { username, password: simulatedPassword },
        });
        expect([username, status]).toEqual([username, 200]);
      }
      return { sessions: sessions.length, users: new Set(usernames).size };
    },
  };
}
