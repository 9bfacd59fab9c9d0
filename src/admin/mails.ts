import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { notice } from '../platform/mail/notice.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { fromUser } from '../users/users.js';

/** An INSERT of the notice of a deletion. Only this mail remains of the user, until it is sent. */
export function userDeletedNotice(userId: string, caller: Caller | undefined): Prisma.Sql {
  return enqueueNotice('user_deleted', fromUser(userId), caller, Prisma.sql`NULL::uuid`);
}

export const userDeleted = notice(
  'Your user was deleted',
  'Your account was deleted, with everything that belonged to it.',
  'tell the operator',
);
