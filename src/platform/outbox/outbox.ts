import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../../generated/prisma/client.js';
import type { Caller } from '../caller.js';

/**
 * An INSERT for an address that a client typed. It is the same whether or not a user has the address: that is looked up
 * at sending time.
 */
export function enqueueRequest(purpose: string, recipient: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, recipient) VALUES (${uuidv7()}::uuid, ${purpose}, ${recipient})`;
}

type NoticeOptions = {
  /** The user it belongs to; by default the user of the row. */
  userId?: Prisma.Sql;
  where?: Prisma.Sql;
};

/**
 * An INSERT of a notice to the address in the row `u`, if it has one; for the same statement or transaction as what it
 * reports.
 * @param from gives the user's row as `u`
 */
export function enqueueNotice(
  purpose: string,
  from: Prisma.Sql,
  caller: Caller | undefined,
  { userId = Prisma.sql`u.id`, where = Prisma.sql`true` }: NoticeOptions = {},
): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, user_id, recipient, detail)
    SELECT ${uuidv7()}::uuid, ${purpose}, ${userId}, u.email, jsonb_build_object('username', u.username,
      'ip', ${caller?.address ?? null}::text, 'userAgent', ${caller?.userAgent ?? null}::text)
    ${from} WHERE u.email IS NOT NULL AND ${where}`;
}
