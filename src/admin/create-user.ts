import { v7 as uuidv7 } from 'uuid';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import type { NewUser } from '../sessions/start.js';
import { canonical, type User } from '../users/users.js';

type MadeUser = Omit<NewUser, 'email'> & { email?: string | null; roles: string[] };

/**
 * Makes a user who has not signed up: no session begins, and whether sign-up is open does not matter.
 * @throws AppError username_taken, email_taken
 */
export async function createUser({ db }: { db: Db }, user: MadeUser, actor: Actor): Promise<User> {
  try {
    return await db.$transaction((tx) => insertUser(tx, user, actor));
  } catch (error) {
    throw asTaken(error);
  }
}

/** {@link createUser} within a transaction; what it throws is for {@link asTaken}. */
export async function insertUser(
  tx: Transaction,
  { username, email = null, passwordHash, roles }: MadeUser,
  actor: Actor,
): Promise<User> {
  const id = uuidv7();
  const keys = { usernameKey: canonical(username), emailKey: email && canonical(email) };
  const user = await tx.user.create({ data: { id, username, email, passwordHash, roles, ...keys } });
  await tx.$executeRaw(auditEvent('user.created', id, actor));
  return user;
}

/** An error of an INSERT into the users as callers know it: username_taken, email_taken, or itself. */
export function asTaken(error: unknown): unknown {
  const taken = uniqueViolation(error);
  if (taken === 'username_key') return new AppError('username_taken');
  if (taken === 'email_key') return new AppError('email_taken');
  return error;
}
