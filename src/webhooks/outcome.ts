import { UnreachableAddress } from './addresses.js';
import type { Reply } from './post.js';
import { secondsOf } from './retries.js';

/** What became of an attempt. */
export type Outcome = {
  /** Null without an answer. */
  status: number | null;
  /** In words of ours, for `last_error`; undefined if it was delivered. */
  why: string | undefined;
  /** Seconds that the receiver asks us to wait. */
  retryAfter?: number;
  /** Another attempt would not help. */
  isFinal?: boolean;
};

/** Too long: the time is that of the whole attempt. */
export class TimedOut extends Error {}

export function outcomeOf({ status, retryAfter }: Reply): Outcome {
  if (status >= 200 && status < 300) return { status, why: undefined };
  const why = status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`;
  return { status, why, ...([429, 503].includes(status) && { retryAfter: secondsOf(retryAfter) }) };
}

export function failure(why: string): Outcome {
  return { status: null, why };
}

/** Codes only: a message could repeat what the other side sent, or addresses of the inside. */
export function whyNoAnswer(error: unknown): string {
  if (error instanceof UnreachableAddress) return error.message;
  if (error instanceof TimedOut) return 'no answer in time';
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const words = meanings.find(([codes]) => codes.test(code))?.[1] ?? 'the connection failed';
  return `${words} (${code.slice(0, 60)})`;
}

const meanings: [RegExp, string][] = [
  [/^ECONNREFUSED$/, 'the connection was refused'],
  [/^(ENOTFOUND|ENODATA)$/, 'the name has no address'],
  [/^EAI_/, 'the name could not be looked up'],
  [/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/, 'the certificate is not trusted'],
  [/^(ERR_SSL|EPROTO)/, 'TLS failed'],
  [/^(HPE_|ERR_HTTP)/, 'the answer is not HTTP'],
];
