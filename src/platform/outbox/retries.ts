const firstDelay = 1;
const longestDelay = 3600;

// About 20 hours in all: a server that is down for a night loses nothing.
const maxAttempts = 30;

// A 5yz reply about a recipient or message is final, except from a server that is still being set up.
const maxRefusals = 10;

/**
 * Doubled each time, plus or minus up to half at random, so that failures do not repeat together.
 * @param attempts so far, including this one
 * @returns seconds; undefined after the last attempt
 */
export function retryDelay(attempts: number, error: unknown): number | undefined {
  const refused = isRefusal(error);
  if (attempts >= (refused ? maxRefusals : maxAttempts)) return undefined;
  return Math.min(firstDelay * 2 ** (attempts - 1), longestDelay) * (0.5 + Math.random());
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('responseCode' in error) || !('command' in error)) return false;
  return Number(error.responseCode) >= 500 && /^(RCPT TO|DATA)$/.test(String(error.command));
}
