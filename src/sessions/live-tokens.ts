import type { AccessClaims } from './access-tokens.js';
import type { InstanceSync } from './instance-sync.js';
import type { Refusal, Revocations } from './revocations.js';

/**
 * Asks the memory while it is up to date, which costs no query; else the database. If that fails, the token is refused.
 */
export function revocationOf(
  { instanceSync, revocations }: { instanceSync: InstanceSync; revocations: Revocations },
  claims: AccessClaims,
): Refusal | undefined | Promise<Refusal | undefined> {
  const isUpToDate = instanceSync.isFresh() && revocations.isComplete();
  return isUpToDate ? revocations.checkMemory(claims) : revocations.checkDatabase(claims);
}
