import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../../generated/prisma/client.js';
import type { Caller } from '../caller.js';

/** An INSERT for a typed address, the same whether or not a user has it: that is looked up at sending time. */
export function enqueueRequest(purpose: string, recipient: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, recipient) VALUES (${uuidv7()}::uuid, ${purpose}, ${recipient})`;
}

type NoticeOptions = {
  userId?: Prisma.Sql;
  where?: Prisma.Sql;
};

/** An INSERT of a notice, for the statement or transaction of what it reports. @param from gives the user as `u` */
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
