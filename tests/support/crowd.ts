import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { newName, type Tokens, tokensOf } from './instance.js';
import { type Seen, witness } from './witness.js';

/** People who use the server all the time, and remember what it owes them. */
export type Crowd = {
  seen: Seen[];
  /** Lets everybody finish what they are at. @throws where one of them was told what can't be */
  stop(): Promise<void>;
  /**
   * Whether the server keeps its word now: every session it gave goes on, and every user it acknowledged can log in.
   * @returns how many of each
   */
  expectNothingLost(): Promise<{ sessions: number; users: number }>;
};

/** Theirs, and nobody else's: where it turns up it was leaked. */
export const crowdPassword = 'the crowd has one password 4711';

/** About ten requests a second for each of them. */
export async function startCrowd(url: string, people = 8): Promise<Crowd> {
  const seen: Seen[] = [];
  const sessions: Tokens[] = [];
  const usernames: string[] = [];
  let stopped = false;

  async function ask(line: string, asking: Parameters<typeof witness>[2]): Promise<Seen> {
    const answer = await witness(url, line, asking);
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
    remember(username, await ask('POST /auth/signup', { body: { username, password: crowdPassword } }));
  }

  async function logIn(username: string): Promise<void> {
    remember(username, await ask('POST /auth/login', { body: { username, password: crowdPassword } }));
  }

  /** Two tabs at once. Whoever gets no answer has the token still. */
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
        const { status, body } = await witness(url, 'POST /auth/refresh', { body: { refresh_token: session.refresh } });
        expect([session.sessionId, status, body.code]).toEqual([body.session_id, 200, undefined]);
      }
      for (const username of new Set(usernames)) {
        const { status } = await witness(url, 'POST /auth/login', { body: { username, password: crowdPassword } });
        expect([username, status]).toEqual([username, 200]);
      }
      return { sessions: sessions.length, users: new Set(usernames).size };
    },
  };
}
