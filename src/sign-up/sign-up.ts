import { v7 as uuidv7 } from 'uuid';
import { enqueueVerification } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { type SessionsDeps, type SessionTokens, startFirstSession } from '../sessions/start.js';
import { insertUser, type NewUser } from '../users/users.js';
import { claimingName } from './pending.js';

/** Creates a user and their first session in one statement. @throws AppError username_taken, email_taken */
export async function signUp(deps: SessionsDeps, user: NewUser, caller: Caller): Promise<SessionTokens> {
  const id = uuidv7();
  const inserted = insertUser(id, user, Prisma.sql`clock_timestamp()`);
  const mail = user.email === undefined ? undefined : enqueueVerification(Prisma.sql`FROM u`);
  return claimingName(deps, user.username, () => startFirstSession(deps, inserted, id, caller, mail));
}
