import type { Deps } from '../deps.js';
import type { Caller } from '../platform/caller.js';
import { endSession } from '../sessions/end.js';
import { forgetUsed } from './flows.js';

type Proof = { code: string; code_verifier: string };

/** A code that comes twice may have been stolen: what it began ends, also if a second factor is due still (RFC 6749 §4.1.2). */
export async function endSessionOfUsed(deps: Deps, proof: Proof, caller: Caller): Promise<void> {
  const sessionId = await forgetUsed(deps, proof.code, proof.code_verifier);
  if (sessionId === undefined) return;
  await deps.db.$executeRaw`DELETE FROM login_attempt WHERE external ->> 'sessionId' = ${sessionId}`;
  await endSession(deps, sessionId, 'external_code_reused', { caller });
}
