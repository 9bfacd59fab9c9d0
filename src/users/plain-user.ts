import type { UserKind } from '../permissions/permissions.js';
import { withPlainDomain } from '../platform/mail/email-address.js';
import { kindOf, type User } from './users.js';

/** What own code gets of a user: no password, hash or token, and nothing that takes a statement more. */
export type PlainUser = {
  readonly id: string;
  readonly kind: UserKind;
  readonly username: string;
  /** Its domain is in small ASCII letters, however it was typed. */
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly createdAt: Date;
};

/** The same as a statement reads it. */
export type ReadUser = Pick<User, 'id' | 'kind' | 'username' | 'email' | 'emailVerifiedAt' | 'roles' | 'createdAt'>;

/** A copy: what own code changes in it is changed nowhere else. */
export function plainUser({ id, username, email, emailVerifiedAt, roles, createdAt, ...user }: ReadUser): PlainUser {
  return {
    id,
    kind: kindOf(user),
    username,
    email: email && withPlainDomain(email),
    emailVerified: emailVerifiedAt !== null,
    roles: [...roles],
    createdAt: new Date(createdAt),
  };
}
