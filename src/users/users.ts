import { AppError } from '../errors.js';
import { Prisma, type User } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';

export type { User };

type UsersDeps = { db: Db };

/**
 * The canonical form under which a username or an e-mail is unique. Both are ASCII by then, so that lower case
 * can't make two different names equal (U+212A lower-cases to `k`).
 */
export function canonical(name: string): string {
  return name.toLowerCase();
}

export async function findById({ db }: UsersDeps, id: string): Promise<User | null> {
  return db.user.findUnique({ where: { id } });
}

/** The user of this username or e-mail, whatever its case. */
export async function findByLogin({ db }: UsersDeps, login: string): Promise<User | null> {
  if (!/^[\x21-\x7e]{1,254}$/.test(login)) return null;
  const key = canonical(login);
  return db.user.findUnique({ where: login.includes('@') ? { emailKey: key } : { usernameKey: key } });
}

/** Waits for logins of the user that are under way, so that the next statement sees their sessions; holds others up. */
export async function lockUser(tx: Transaction, userId: string): Promise<void> {
  await tx.$queryRaw`SELECT id FROM "user" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`;
}

/** A user about to be made; the password is hashed already. */
export type NewUser = {
  username: string;
  email?: string | null | undefined;
  passwordHash: string;
  roles?: string[];
};

/**
 * An INSERT of one user that returns the row: the one way to make a user, but for an import. Its unique violation is
 * for {@link takenError}.
 * @param lastLoginAt for a user who is signed in by it
 */
export function insertUser(id: string, user: NewUser, lastLoginAt: Prisma.Sql = Prisma.sql`NULL`): Prisma.Sql {
  const { username, email = null, passwordHash, roles = [] } = user;
  return Prisma.sql`
    INSERT INTO "user" (id, username, username_key, email, email_key, password_hash, roles, last_login_at)
    VALUES (${id}::uuid, ${username}, ${canonical(username)}, ${email}, ${email && canonical(email)}, ${passwordHash},
      ${roles}, ${lastLoginAt})
    RETURNING *`;
}

/**
 * The same for a sign-up that waits for its e-mail: it holds the username, and opens nothing.
 * @param hours how long it waits
 */
export function insertPendingUser(id: string, user: NewUser & { email: string }, hours: number): Prisma.Sql {
  const { username, email, passwordHash } = user;
  return Prisma.sql`
    INSERT INTO "user" (id, username, username_key, pending_email, pending_email_key, pending_until, password_hash)
    VALUES (${id}::uuid, ${username}, ${canonical(username)}, ${email}, ${canonical(email)},
      clock_timestamp() + make_interval(hours => ${hours}::int), ${passwordHash})
    RETURNING *`;
}

/** What a unique violation of the users means to callers: username_taken or email_taken; any other error is itself. */
export function takenError(error: unknown): unknown {
  const taken = uniqueViolation(error);
  if (taken === 'username_key') return new AppError('username_taken', { cause: error });
  if (taken === 'email_key') return new AppError('email_taken', { cause: error });
  return error;
}

/** `FROM` one user as `u`. */
export function fromUser(userId: string): Prisma.Sql {
  return Prisma.sql`FROM (SELECT * FROM "user" WHERE id = ${userId}::uuid) u`;
}

/** The columns of a {@link User} in the row `u`. */
export const userColumns = Prisma.sql`u.id, u.username, u.username_key AS "usernameKey", u.email,
  u.email_key AS "emailKey", u.email_verified_at AS "emailVerifiedAt", u.pending_email AS "pendingEmail",
  u.pending_email_key AS "pendingEmailKey", u.pending_until AS "pendingUntil", u.password_hash AS "passwordHash",
  u.roles, u.version, u.disabled_at AS "disabledAt", u.last_login_at AS "lastLoginAt", u.created_at AS "createdAt",
  u.updated_at AS "updatedAt"`;
