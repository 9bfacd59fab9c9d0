import type { AccessClaims } from './access-tokens.js';
import type { InstanceSync } from './instance-sync.js';
import type { Refusal, Revocations } from './revocations.js';

/**
 * Why this live access token is refused. From memory where that is known to be up to date, which is no query; else
 * from the database, and where that can't answer, the token opens nothing.
 */
export function revocationOf(
  { instanceSync, revocations }: { instanceSync: InstanceSync; revocations: Revocations },
  claims: AccessClaims,
): Refusal | undefined | Promise<Refusal | undefined> {
  const isUpToDate = instanceSync.isFresh() && revocations.isComplete();
  return isUpToDate ? revocations.checkMemory(claims) : revocations.checkDatabase(claims);
}
