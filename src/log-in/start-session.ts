import { Prisma } from '../generated/prisma/client.js';
import type { CheckedUser } from '../passwords/check.js';
import type { Caller } from '../platform/caller.js';
import { type SessionsDeps, type SessionTokens, startSession } from '../sessions/start.js';
import { newDeviceNotice } from './mails.js';

/**
 * @returns undefined if the user changed since the password check
 * @param newDevice whether to mail the user about it
 */
export async function startSessionFor(
  deps: SessionsDeps,
  checked: CheckedUser,
  caller: Caller,
  { newDevice }: { newDevice: boolean },
): Promise<SessionTokens | undefined> {
  // The UPDATE locks the user: a change of password or a disabling is either seen here, or it sees this session.
  const stillTrue = Prisma.sql`
    UPDATE "user" SET last_login_at = clock_timestamp()
    WHERE id = ${checked.user.id}::uuid AND password_hash = ${checked.passwordHash} AND disabled_at IS NULL
      AND pending_until IS NULL
    RETURNING *`;
  const mail = newDevice ? newDeviceNotice(Prisma.sql`FROM u`, caller) : undefined;
  return startSession(deps, stillTrue, 'login.succeeded', checked.user.id, caller, mail);
}
