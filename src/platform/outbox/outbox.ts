import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../../generated/prisma/client.js';
import type { Caller } from '../caller.js';

/**
 * An INSERT of one item that a client asked for by an address. It is the same whether or not any user has that address:
 * that is found out when it is sent.
 */
export function enqueueRequest(purpose: string, recipient: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, recipient) VALUES (${uuidv7()}::uuid, ${purpose}, ${recipient})`;
}

type NoticeOptions = {
  /** The user it belongs to; by default the user of the row. */
  userId?: Prisma.Sql;
  /** A condition besides. */
  where?: Prisma.Sql;
};

/**
 * An INSERT of a notice to the address in the row `u`; none where that has no address. It stands in the statement or
 * transaction of what it tells of.
 * @param from what gives the user's row as `u`
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
