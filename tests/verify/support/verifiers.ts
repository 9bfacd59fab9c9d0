import { onTestFinished } from 'vitest';
import { createVerifier, TokenError, type Verifier, type VerifierOptions } from '../../../verify/src/index.js';
import { createTestIssuer, type TestIssuer } from '../../../verify/src/testing.js';

export async function startIssuer(): Promise<TestIssuer> {
  const issuer = await createTestIssuer();
  onTestFinished(() => issuer.close());
  return issuer;
}

/** A verifier that has keys and list, and what it told its log. */
export async function startVerifier(options: VerifierOptions): Promise<Verifier & { told: string[] }> {
  const verifier = newVerifier(options);
  await verifier.ready(10);
  return verifier;
}

export function newVerifier(options: VerifierOptions): Verifier & { told: string[] } {
  const told: string[] = [];
  const verifier = createVerifier({ log: (message) => void told.push(message), ...options });
  onTestFinished(() => verifier.close());
  return { ...verifier, told };
}

/** `accepted`, or the code of the refusal. */
export async function answerTo(verifier: Verifier, token: string, permission?: string): Promise<string> {
  return verifier.verify(token, { permission }).then(() => 'accepted', codeOf);
}

export function codeOf(error: unknown): string {
  if (error instanceof TokenError) return error.code;
  throw error;
}

/** How long until a token gets an answer, in milliseconds. */
export async function timeUntil(answer: string, verifier: Verifier, token: string): Promise<number> {
  const began = performance.now();
  while ((await answerTo(verifier, token)) !== answer) {
    if (performance.now() - began > 20_000) throw new Error(`Never ${answer}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}
