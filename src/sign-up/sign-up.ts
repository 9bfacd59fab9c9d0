import { v7 as uuidv7 } from 'uuid';
import type { Actor } from '../audit/events.js';
import { enqueueVerification } from '../email/mails.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import { type Proof, type SessionsDeps, type SessionTokens, startFirstSession } from '../sessions/start.js';
import { insertUser, type NewUser } from '../users/users.js';
import { claimingName } from './pending.js';

/** What lets a person sign up whatever `SIGNUP` says. */
type Invitation = {
  email: string;
  roles: string[];
  /** Common table expressions that use it up. The last one is called `first`, and is empty if it counts no more. */
  use: Prisma.Sql;
  /** An INSERT of the audit event of the new user `u`. */
  recorded(actor: Actor): Prisma.Sql;
};

/** The invitation of a mailed token; it is not used up. @throws AppError invalid_one_time_token if it does not count */
export type FindInvitation = (deps: { db: Db }, token: string) => Promise<Invitation>;

/** Creates a user and their first session in one statement. @throws AppError username_taken, email_taken */
export async function signUp(deps: SessionsDeps, user: NewUser, caller: Caller): Promise<SessionTokens> {
  const id = uuidv7();
  const users = Prisma.sql`u AS (${insertUser(id, user, { lastLoginAt: Prisma.sql`clock_timestamp()` })})`;
  const mail = user.email === undefined ? undefined : enqueueVerification(Prisma.sql`FROM u`);
  const tokens = await claimingName(deps, user.username, () =>
    startFirstSession(deps, users, proofOf(id), caller, mail),
  );
  if (!tokens) throw new Error('An INSERT returned nothing');
  return tokens;
}

// Each further try means that the inviter was changed at the same moment.
const mostTries = 5;

/**
 * The same for who is invited. The invitation is looked at again and used up in the statement that makes the user: of many
 * at once one succeeds, and a name that is taken leaves it good.
 * @param find looks at it anew
 * @throws AppError username_taken, email_taken, invalid_one_time_token
 */
export async function signUpInvited(
  deps: SessionsDeps,
  { username, passwordHash }: Pick<NewUser, 'username' | 'passwordHash'>,
  find: () => Promise<Invitation>,
  caller: Caller,
): Promise<SessionTokens> {
  for (let tries = 0; tries < mostTries; tries++) {
    const { email, roles, use, recorded } = await find();
    const id = uuidv7();
    const user = { username, passwordHash, email, isEmailVerified: true, roles };
    const options = { lastLoginAt: Prisma.sql`clock_timestamp()`, from: Prisma.sql`FROM first` };
    const users = Prisma.sql`${use}, u AS (${insertUser(id, user, options)})`;
    const also = Prisma.sql`accepted AS (${recorded({ actorId: id, caller })})`;
    const tokens = await claimingName(deps, username, () =>
      startFirstSession(deps, users, { ...proofOf(id), also }, caller),
    );
    if (tokens) return tokens;
  }
  throw new AppError('invalid_one_time_token');
}

function proofOf(userId: string): Proof {
  return { userId, epoch: 0, amr: ['pwd'], acr: 'aal1' };
}
