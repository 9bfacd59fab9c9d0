import { v7 as uuidv7 } from 'uuid';
import type { Db } from '../db/database.js';
import { uniqueViolation } from '../db/errors.js';
import { AppError } from '../errors.js';
import { type Actor, auditEvent } from './audit.js';
import type { NewUser } from './sessions.js';
import { canonical, type User } from './users.js';

/**
 * Makes a user who has not signed up: no session begins, and whether sign-up is open does not matter.
 * @throws AppError username_taken, email_taken
 */
export async function createUser(
  { db }: { db: Db },
  { username, email = null, passwordHash, roles }: Omit<NewUser, 'email'> & { email?: string | null; roles: string[] },
  actor: Actor,
): Promise<User> {
  const keys = { usernameKey: canonical(username), emailKey: email && canonical(email) };
  const id = uuidv7();
  try {
    return await db.$transaction(async (tx) => {
      const user = await tx.user.create({ data: { id, username, email, passwordHash, roles, ...keys } });
      await tx.$executeRaw(auditEvent('user.created', id, actor));
      return user;
    });
  } catch (error) {
    const taken = uniqueViolation(error);
    if (taken === 'username_key') throw new AppError('username_taken');
    if (taken === 'email_key') throw new AppError('email_taken');
    throw error;
  }
}
