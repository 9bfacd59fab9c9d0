const firstDelay = 1;
const longestDelay = 3600;

// About 20 hours in all: a server that is away for a night loses nothing.
const mostAttempts = 30;

// A server that says "never" (5yz) about a recipient or a message means it; but one that is being set up says so too.
const mostRefusals = 10;

/**
 * How long to wait after an attempt that failed, in seconds: twice as long each time, and by chance up to half more
 * or less, so that what failed together is not tried together again.
 * @param attempts made so far, this one included
 * @returns undefined where that was the last one
 */
export function retryDelay(attempts: number, error: unknown): number | undefined {
  const refused = isRefusal(error);
  if (attempts >= (refused ? mostRefusals : mostAttempts)) return undefined;
  return Math.min(firstDelay * 2 ** (attempts - 1), longestDelay) * (0.5 + Math.random());
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('command' in error)) return false;
  return Number(error.responseCode) >= 500 && /^(RCPT TO|DATA)$/.test(String(error.command));
}
