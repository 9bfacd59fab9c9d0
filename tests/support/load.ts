import { goodPassword } from './app.js';
import { type Answer, ask, refresh, signUp, type Tokens, welcome } from './instance.js';

/** Requests at a steady rate, as far as the machine can answer them. */
export type Load = {
  /** Stops sending and waits for the last responses. */
  stop(): Promise<{ sent: number; seconds: number; failures: string[] }>;
};

const everyMs = 25;
// The most requests at once. Beyond it the rate falls, so that a busy machine is not flooded.
const mostAtOnce = 50;

/**
 * Requests of typical users: mostly reads, some refreshes, few logins.
 * @param perSecond how many requests
 */
export async function startLoad(url: string, perSecond: number): Promise<Load> {
  const to = { url };
  const idle: Tokens[] = [];
  while (idle.length <= mostAtOnce + 1) idle.push(await signUp(to));
  // Only so many sessions of one user are live: those of the visitor end, and nobody needs them.
  const [reader, visitor, ...refreshers] = idle as [Tokens, Tokens, ...Tokens[]];
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;

  async function refreshNext(): Promise<Answer> {
    const session = refreshers.shift();
    if (!session) throw new Error('All sessions are being refreshed');
    const answer = await refresh(to, session.refresh);
    refreshers.push({ ...session, refresh: answer.body?.refresh_token ?? session.refresh });
    return answer;
  }

  function next(): Promise<Answer> {
    if (sent % 20 === 0)
      return ask(to, 'POST /auth/login', { body: { username: visitor.username, password: goodPassword } });
    if (sent % 5 === 1) return refreshNext();
    if (sent % 5 === 2) return ask(to, 'GET /me', { bearer: reader.access });
    return welcome(to, reader.access);
  }

  function send(): void {
    const number = sent;
    const one = next()
      .then(({ status, body }) => void (status === 200 || failures.push(`${number}: ${status} ${body?.code}`)))
      .catch((error: Error) => void failures.push(`${number}: ${error.message}`))
      .then(() => void underWay.delete(one));
    underWay.add(one);
    sent += 1;
  }

  const startedAt = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    due = Math.min(due + (perSecond * everyMs) / 1000, mostAtOnce - underWay.size);
    for (; due >= 1; due -= 1) send();
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      const seconds = (performance.now() - startedAt) / 1000;
      await Promise.all(underWay);
      return { sent, seconds, failures };
    },
  };
}
