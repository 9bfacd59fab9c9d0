import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../../generated/prisma/client.js';
import type { Caller } from '../caller.js';

/**
 * What a mail is for. The first three end in a mail with a token, another mail or none, which is found out when
 * sending and not while anybody waits for an answer; the others are notices, and say that something has happened.
 */
export type MailPurpose = MailRequest | Notice;

/** `verify` names a user; `resend` and `forgot` only the address that somebody typed. */
export type MailRequest = 'verify' | 'resend' | 'forgot';

export type Notice =
  | 'new_device'
  | 'password_changed'
  | 'password_reset'
  | 'email_change_asked'
  | 'email_changed'
  | 'user_deleted';

// More notices of new devices to one user within an hour are left out: nobody reads them, and somebody causes them.
const newDevicesPerHour = 5;

/** An INSERT of one mail that somebody asked for by an address. It is the same whether or not anybody has that address. */
export function mailAskedFor(purpose: 'resend' | 'forgot', recipient: string): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, recipient) VALUES (${uuidv7()}::uuid, ${purpose}, ${recipient})`;
}

/**
 * An INSERT of the mail that verifies the address for which a user waits: a new one, else the unverified one they have.
 * @param from what gives the user's row as `u`
 */
export function verificationMail(from: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, user_id, recipient)
    SELECT ${uuidv7()}::uuid, 'verify', u.id, coalesce(u.pending_email, u.email) ${from}
    WHERE u.pending_email IS NOT NULL OR (u.email IS NOT NULL AND u.email_verified_at IS NULL)`;
}

/**
 * An INSERT of a notice to the address that the user has in the row `u`; none where they have no address. It stands in
 * the statement or transaction of what it tells of.
 * @param from what gives the user's row as `u`
 */
export function noticeMail(purpose: Notice, from: Prisma.Sql, caller: Caller | undefined): Prisma.Sql {
  // Nothing of a deleted user shall remain but this letter, until it is sent.
  const userId = purpose === 'user_deleted' ? Prisma.sql`NULL::uuid` : Prisma.sql`u.id`;
  const bounded =
    purpose === 'new_device'
      ? Prisma.sql`AND ${newDevicesPerHour} > (SELECT count(*) FROM outbox o WHERE o.user_id = u.id
          AND o.purpose = ${purpose} AND o.created_at > clock_timestamp() - interval '1 hour')`
      : Prisma.empty;
  return Prisma.sql`
    INSERT INTO outbox (id, purpose, user_id, recipient, detail)
    SELECT ${uuidv7()}::uuid, ${purpose}, ${userId}, u.email, jsonb_build_object('username', u.username,
      'ip', ${caller?.address ?? null}::text, 'userAgent', ${caller?.userAgent ?? null}::text)
    ${from} WHERE u.email IS NOT NULL ${bounded}`;
}

/** `FROM "user" u` for one user. */
export function fromUser(userId: string): Prisma.Sql {
  return Prisma.sql`FROM (SELECT * FROM "user" WHERE id = ${userId}::uuid) u`;
}
