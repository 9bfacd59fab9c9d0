import { withoutMark } from '../passwords/foreign-hashes/formats.js';
import type { Db } from '../platform/db/database.js';
import type { ForeignUser } from './import.js';

const PAGE_SIZE = 1000;

/** Every user with the password's hash, page by page, so that memory stays small; no pending sign-ups. */
export async function* exportUsers({ db }: { db: Db }): AsyncGenerator<ForeignUser> {
  let last: string | undefined;
  for (;;) {
    const page = await db.user.findMany({
      orderBy: { id: 'asc' },
      take: PAGE_SIZE,
      where: { pendingUntil: null, deletedAt: null, ...(last !== undefined && { id: { gt: last } }) },
    });
    for (const { username, email, emailVerifiedAt, passwordHash, roles, disabledAt, createdAt } of page)
      yield {
        username,
        email,
        emailVerified: emailVerifiedAt !== null,
        passwordHash: passwordHash === null ? null : withoutMark(passwordHash),
        roles,
        disabled: disabledAt !== null,
        createdAt,
      };
    last = page.at(-1)?.id;
    if (page.length < PAGE_SIZE) return;
  }
}
