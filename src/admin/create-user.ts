import { v7 as uuidv7 } from 'uuid';
import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { insertUser, type NewUser, takenError, type User, userColumns } from '../users/users.js';

/** Creates a user without a sign-up: no session starts. @throws AppError username_taken, email_taken */
export async function createUser({ db }: { db: Db | Transaction }, user: NewUser, actor: Actor): Promise<User> {
  const id = uuidv7();
  const { kind, roles = [] } = user;
  const detail = { ...(kind === 'service' && { kind }), ...(roles.length > 0 && { roles }) };
  const recorded = auditEvent('user.created', id, actor, detail, Prisma.sql`FROM u`);
  try {
    const [made] = await db.$queryRaw<User[]>`
      WITH u AS (${insertUser(id, user)}), recorded AS (${recorded}) SELECT ${userColumns} FROM u`;
    if (!made) throw new Error('An INSERT returned nothing');
    return made;
  } catch (error) {
    throw takenError(error);
  }
}
