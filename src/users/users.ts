import { AppError } from '../errors.js';
import { Prisma, type User } from '../generated/prisma/client.js';
import type { UserKind } from '../permissions/permissions.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { createLookUp } from '../platform/db/look-up.js';
import { asciiAddress } from '../platform/mail/email-address.js';

export { adminRole } from '../permissions/ours.js';
export type { User };

/** The column is text. */
export function kindOf({ kind }: Pick<User, 'kind'>): UserKind {
  return kind === 'service' ? 'service' : 'person';
}

type UsersDeps = { db: Db };

/**
 * The form of a username or e-mail address that is unique. Names and what stands before an @ are ASCII, so lower case
 * cannot make two of them equal (U+212A lower-cases to `k`); a domain counts in ASCII, in which DNS has it.
 */
export function canonical(name: string): string {
  return asciiAddress(name).toLowerCase();
}

export async function findById({ db }: UsersDeps, id: string): Promise<User | null> {
  return (await lookUp(db, id.toLowerCase())) ?? null;
}

const lookUp = createLookUp<User>(
  (db, ids) =>
    db.direct(
      Prisma.sql`SELECT ${userColumns} FROM "user" u WHERE u.id = ANY(${ids}::uuid[]) AND u.deleted_at IS NULL`,
    ),
  ({ id }) => id,
);

/** The user with this username or e-mail, in any case. */
export async function findByLogin({ db }: UsersDeps, login: string): Promise<User | null> {
  if (!/^[\x21-\x7e]{1,254}$/.test(asciiAddress(login))) return null;
  const key = canonical(login);
  const column = login.includes('@') ? Prisma.sql`u.email_key` : Prisma.sql`u.username_key`;
  const [user] = await db.direct<User>(Prisma.sql`SELECT ${userColumns} FROM "user" u WHERE ${column} = ${key}`);
  return user ?? null;
}

/**
 * Waits for this user's logins in progress, so that the next statement sees their sessions, and blocks new ones.
 * @param actorId whose rights are looked at afterwards: they are locked too, so that nobody takes them away meanwhile
 */
export async function lockUser(tx: Transaction, userId: string, actorId = userId): Promise<void> {
  // In the order of ids, or two who change each other would wait for ever.
  await tx.$queryRaw`
    SELECT id FROM "user" WHERE id IN (${userId}::uuid, ${actorId}::uuid) ORDER BY id FOR NO KEY UPDATE`;
}

/** {@link lockUser}. @returns the user as read under the lock; null for none, a deleted one or a pending sign-up */
export async function lockedUser(tx: Transaction, userId: string, actorId?: string): Promise<User | null> {
  await lockUser(tx, userId, actorId);
  return tx.user.findUnique({ where: { id: userId, pendingUntil: null, deletedAt: null } });
}

export type NewUser = {
  kind?: UserKind;
  username: string;
  email?: string | null | undefined;
  /** Whether somebody whom we trust has vouched for the address. */
  isEmailVerified?: boolean;
  /** An address that counts once its link has been opened. */
  pendingEmail?: string | undefined;
  /** Null: signs in by other means only. */
  passwordHash: string | null;
  roles?: string[];
};

type InsertOptions = {
  /** For a user who is signed in by it. */
  lastLoginAt?: Prisma.Sql;
  /** A common table expression without which there is no user. */
  from?: Prisma.Sql;
};

/** The only INSERT of a user, except for the import. */
export function insertUser(
  id: string,
  user: NewUser,
  { lastLoginAt = Prisma.sql`NULL`, from = Prisma.empty }: InsertOptions = {},
): Prisma.Sql {
  const {
    kind = 'person',
    username,
    email = null,
    isEmailVerified = false,
    pendingEmail = null,
    passwordHash,
    roles = [],
  } = user;
  return Prisma.sql`
    INSERT INTO "user" (id, kind, username, username_key, email, email_key, email_verified_at, pending_email,
      pending_email_key, password_hash, roles, last_login_at)
    SELECT ${id}::uuid, ${kind}, ${username}, ${canonical(username)}, ${email}::text, ${email && canonical(email)}::text,
      ${isEmailVerified ? Prisma.sql`clock_timestamp()` : Prisma.sql`NULL::timestamptz`}, ${pendingEmail}::text,
      ${pendingEmail && canonical(pendingEmail)}::text, ${passwordHash}::text, ${roles}::text[], ${lastLoginAt}::timestamptz
    ${from} RETURNING *`;
}

/** The same for a pending sign-up: it reserves the username and opens nothing. @param hours until it expires */
export function insertPendingUser(
  id: string,
  user: Pick<NewUser, 'username' | 'passwordHash'> & { email: string },
  hours: number,
  from: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  const { username, email, passwordHash } = user;
  return Prisma.sql`
    INSERT INTO "user" (id, username, username_key, pending_email, pending_email_key, pending_until, password_hash)
    SELECT ${id}::uuid, ${username}, ${canonical(username)}, ${email}, ${canonical(email)},
      clock_timestamp() + make_interval(hours => ${hours}::int), ${passwordHash}::text
    ${from} RETURNING *`;
}

/** Translates a unique violation into username_taken or email_taken; returns other errors unchanged. */
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
export const userColumns = Prisma.sql`u.id, u.kind, u.username, u.username_key AS "usernameKey", u.email,
  u.email_key AS "emailKey", u.email_verified_at AS "emailVerifiedAt", u.pending_email AS "pendingEmail",
  u.pending_email_key AS "pendingEmailKey", u.pending_until AS "pendingUntil", u.password_hash AS "passwordHash",
  u.second_factor AS "secondFactor", u.wrong_codes AS "wrongCodes",
  u.roles, u.version, u.epoch, u.disabled_at AS "disabledAt", u.deleted_at AS "deletedAt", u.last_login_at AS "lastLoginAt", u.created_at AS "createdAt",
  u.updated_at AS "updatedAt"`;
