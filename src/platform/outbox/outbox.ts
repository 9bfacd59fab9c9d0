import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../../generated/prisma/client.js';
import type { Caller } from '../caller.js';
import { deviceName } from '../mail/device-name.js';

/** An INSERT for a typed address, the same whether or not a user has it: that is looked up at sending time. */
export function enqueueRequest(purpose: string, recipient: string, username?: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, recipient, detail)
    VALUES (${uuidv7()}::uuid, ${purpose}, ${recipient}, ${JSON.stringify({ username })}::jsonb)`;
}

/**
 * An INSERT of a notice, for the statement or transaction of what it reports. Only a verified address gets it: another
 * one may be a stranger's.
 * @param from gives the user as `u`
 * @param caller undefined for the command line, and where it may be someone else than the user
 */
export function enqueueNotice(
  purpose: string,
  from: Prisma.Sql,
  caller: Caller | undefined,
  userId: Prisma.Sql = Prisma.sql`u.id`,
): Prisma.Sql {
  const origin = caller ? { ip: caller.address, device: deviceName(caller.userAgent) } : {};
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, user_id, recipient, detail)
    SELECT ${uuidv7()}::uuid, ${purpose}, ${userId}, u.email,
      jsonb_build_object('username', u.username) || ${JSON.stringify(origin)}::jsonb
    ${from} WHERE u.email_verified_at IS NOT NULL`;
}
