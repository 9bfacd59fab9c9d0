import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
// @ts-expect-error It is plain JavaScript.
import { buildVerify } from '../../scripts/build.mjs';
import type { VerifierOptions } from '../../verify/src/index.js';

/** A service with `@gatelatch/verify` in a process of its own. Answers are `accepted`, or the code of the refusal. */
export type CheckingService = {
  answerTo(token: string): Promise<string>;
  /** Resolves once the token is accepted. @returns what then comes next */
  accept(token: string): Promise<{ next: Promise<{ answer: string; at: number }> }>;
  stop(): void;
};

type Message = { id: number; answer: string };

/** Starts it, and waits until it has heard what has ended. */
export async function startCheckingService(options: VerifierOptions): Promise<CheckingService> {
  await buildVerify();
  const program = fileURLToPath(new URL('checking-service.mjs', import.meta.url));
  const child = fork(program, { env: { PATH: process.env.PATH, VERIFIER_OPTIONS: JSON.stringify(options) } });
  await once(child, 'message');
  const listeners = new Map<number, (answer: string) => void>();
  child.on('message', ({ id, answer }: Message) => listeners.get(id)?.(answer));
  let asked = 0;

  function ask(token: string, mustChange: boolean, onAnswer: (answer: string) => void): void {
    asked += 1;
    listeners.set(asked, onAnswer);
    child.send({ id: asked, token, mustChange });
  }

  return {
    answerTo: (token) => new Promise((resolve) => ask(token, false, resolve)),
    accept: (token) =>
      new Promise((resolve, reject) => {
        let tell: (seen: { answer: string; at: number }) => void;
        const next = new Promise<{ answer: string; at: number }>((told) => {
          tell = told;
        });
        let isFirst = true;
        ask(token, true, (answer) => {
          if (!isFirst) tell({ answer, at: performance.now() });
          else if (answer === 'accepted') resolve({ next });
          else reject(new Error(`It is not accepted: ${answer}.`));
          isFirst = false;
        });
      }),
    stop: () => child.disconnect(),
  };
}
