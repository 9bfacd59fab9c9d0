import type { Response } from 'supertest';
import { expect, onTestFinished, vi } from 'vitest';
import { goodPassword, type TestApp } from './app.js';
import { expectProblem } from './problem.js';

/** Turns limits on, and lets `X-Forwarded-For` choose the address of each request. */
export const limitsOn = { RATE_LIMIT: 'on', TRUST_PROXY: '1' };

export const wrong = 'not the password of anybody';

let addresses = 0;

/** An address that no other test uses; logins come from it until the next one is requested. */
export function newAddress(): string {
  addresses += 1;
  return currentAddress();
}

export const currentAddress = () => `192.0.2.${addresses}`;

type LogIn = { username: string; password?: string; device_token?: string; from?: string };

export function logIn(app: TestApp, { from = currentAddress(), password = goodPassword, ...fields }: LogIn) {
  return app.http
    .post('/auth/login')
    .set('X-Forwarded-For', from)
    .send({ password, ...fields });
}

/** Sends this many wrong passwords, one after the other. */
export async function guess(app: TestApp, times: number, fields: LogIn): Promise<Response[]> {
  const answers: Response[] = [];
  for (let time = 0; time < times; time++) answers.push(await logIn(app, { password: wrong, ...fields }));
  return answers;
}

export const statusesOf = (answers: Pick<Response, 'status'>[]) => answers.map(({ status }) => status);

/** How often each status came. */
export function tallyOf(answers: Pick<Response, 'status'>[]): Record<number, number> {
  const tally: Record<number, number> = {};
  for (const { status } of answers) tally[status] = (tally[status] ?? 0) + 1;
  return tally;
}

/** Counts the password comparisons from now to the end of the test. */
export function countHashes(app: TestApp) {
  const spy = vi.spyOn(app.deps.passwords, 'verify');
  onTestFinished(() => spy.mockRestore());
  return spy;
}

export const times = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, n) => make(n));

/** A refusal by this limit alone, with exactly the headers of that limit. */
export function expectThrottled(answer: Response, name: string, points: number, seconds: number): void {
  expectProblem(answer, 'rate_limited');
  expect(answer.headers['ratelimit-policy']).toBe(`"${name}";q=${points};w=${seconds}`);
  const [, left] = /^"(?:\w+)";r=0;t=(\d+)$/.exec(`${answer.headers.ratelimit}`) ?? [];
  expect(Number(left)).toBeGreaterThan(0);
  expect(Number(left)).toBeLessThanOrEqual(seconds);
  expect(answer.headers['retry-after']).toBe(left);
}
