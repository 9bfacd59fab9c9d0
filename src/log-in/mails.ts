import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { notice } from '../platform/mail/notice.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';

// An attacker can cause these mails: send one user at most this many an hour.
const maxPerHour = 5;

/** @param from gives the user's row as `u` */
export function newDeviceNotice(from: Prisma.Sql, caller: Caller): Prisma.Sql {
  const where = Prisma.sql`${maxPerHour} > (SELECT count(*) FROM outbox o WHERE o.user_id = u.id
    AND o.purpose = 'new_device' AND o.created_at > clock_timestamp() - interval '1 hour')`;
  return enqueueNotice('new_device', from, caller, { where });
}

export const newDevice = notice(
  'A sign-in from a new device',
  'someone signed in to your account from a device that we have not seen before.',
  'set a new password',
);
