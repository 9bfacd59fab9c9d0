import type { AccessClaims } from './access-tokens.js';
import type { Feed } from './instance-sync.js';
import type { Refusal, Revocations } from './revocations.js';

/**
 * Why this live access token is refused. From memory where that is known to be up to date, which is no query; else
 * from the database, and where that can't answer, the token opens nothing.
 */
export function revocationOf(
  { feed, revocations }: { feed: Feed; revocations: Revocations },
  claims: AccessClaims,
): Refusal | undefined | Promise<Refusal | undefined> {
  return feed.isFresh() && revocations.isComplete() ? revocations.remembered(claims) : revocations.asked(claims);
}
