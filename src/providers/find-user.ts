import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { canonical, type User, userColumns } from '../users/users.js';
import type { Person } from './person.js';

/** Removes a sign-up that was not confirmed in time. @returns false if it waits still */
export async function wasOver({ db }: { db: Db }, { id }: User): Promise<boolean> {
  const removed = await db.$executeRaw`
    DELETE FROM "user" WHERE id = ${id}::uuid AND pending_until < clock_timestamp()`;
  return removed > 0;
}

type Found = { user: User; identityId: string | null; identities: number };

/** The user with the identity; else the one with the address, if the provider vouches for it. */
export async function findUser(
  { db }: { db: Db },
  { issuer, subject, email, isVouchedFor }: Person,
): Promise<Found | undefined> {
  const key = isVouchedFor && email !== null ? canonical(email) : null;
  const [row] = await db.direct<User & Omit<Found, 'user'>>(Prisma.sql`
    SELECT ${userColumns}, i.id AS "identityId", 1 AS identities FROM identity i JOIN "user" u ON u.id = i.user_id
    WHERE i.issuer = ${issuer} AND i.subject = ${subject} AND u.deleted_at IS NULL
    UNION ALL
    SELECT ${userColumns}, NULL, (SELECT count(*)::int FROM identity WHERE user_id = u.id) FROM "user" u
    WHERE u.email_key = ${key} AND u.deleted_at IS NULL
    ORDER BY "identityId" LIMIT 1`);
  if (!row) return undefined;
  const { identityId, identities, ...user } = row;
  return { user, identityId, identities };
}
