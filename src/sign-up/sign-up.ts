import { v7 as uuidv7 } from 'uuid';
import { enqueueVerification } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { type Proof, type SessionsDeps, type SessionTokens, startFirstSession } from '../sessions/start.js';
import { insertUser, type NewUser } from '../users/users.js';
import { claimingName } from './pending.js';

/** Creates a user and their first session in one statement. @throws AppError username_taken, email_taken */
export async function signUp(deps: SessionsDeps, user: NewUser, caller: Caller): Promise<SessionTokens> {
  const id = uuidv7();
  const users = Prisma.sql`u AS (${insertUser(id, user, { lastLoginAt: Prisma.sql`clock_timestamp()` })})`;
  const proof: Proof = { userId: id, epoch: 0, amr: ['pwd'], acr: 'aal1' };
  const mail = user.email === undefined ? undefined : enqueueVerification(Prisma.sql`FROM u`);
  const tokens = await claimingName(deps, user.username, () => startFirstSession(deps, users, proof, caller, mail));
  if (!tokens) throw new Error('An INSERT returned nothing');
  return tokens;
}
