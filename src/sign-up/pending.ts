import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { uniqueViolation } from '../platform/db/errors.js';
import { verificationMail } from '../platform/outbox/outbox.js';
import type { MailBell } from '../platform/outbox/wake.js';
import { canonical, type User } from '../users/users.js';

type SignupDeps = { db: Db; mailBell?: MailBell };

// How long a sign-up waits for its e-mail to be confirmed, in hours. Asking for the mail again does not prolong it:
// that would hold a name for ever.
const waitsHours = 48;

// So many sign-ups within an hour send a mail to one address; those beyond are kept all the same, and a resend, which has
// a limit of its own, reaches whoever meant it. Otherwise one asker could fill a stranger's inbox. No more are counted,
// so that the time of an answer does not tell how many there are.
const mailsPerHour = 5;

/**
 * Keeps a sign-up that counts once its e-mail is confirmed: it reserves the username, and opens nothing. Whether that
 * address belongs to somebody is not looked at here, and makes no difference to anything but the mail.
 * @throws AppError username_taken
 */
export async function keepSignup(
  { db, mailBell }: SignupDeps,
  { username, email, passwordHash }: { username: string; email: string; passwordHash: string },
): Promise<User> {
  const user = await claimingName({ db }, username, async () => {
    const id = uuidv7();
    await db.$executeRaw`
      WITH u AS (
        INSERT INTO "user" (id, username, username_key, pending_email, pending_email_key, pending_until, password_hash)
        VALUES (${id}::uuid, ${username}, ${canonical(username)}, ${email}, ${canonical(email)},
          clock_timestamp() + make_interval(hours => ${waitsHours}::int), ${passwordHash})
        RETURNING *
      ) ${verificationMail(Prisma.sql`FROM (
        SELECT * FROM u WHERE ${mailsPerHour} > (SELECT count(*) FROM (SELECT FROM "user" w
          WHERE w.pending_email_key = u.pending_email_key AND w.created_at > clock_timestamp() - interval '1 hour'
          LIMIT ${mailsPerHour}) earlier)) u`)}`;
    return db.user.findUniqueOrThrow({ where: { id } });
  });
  mailBell?.ring();
  return user;
}

/**
 * Makes a user. A sign-up that was not confirmed in time gives up its name, also where it has not been purged yet.
 * @throws AppError username_taken, email_taken
 */
export async function claimingName<Made>(
  { db }: { db: Db },
  username: string,
  make: () => Promise<Made>,
): Promise<Made> {
  try {
    return await make();
  } catch (error) {
    const taken = uniqueViolation(error);
    if (taken === 'email_key') throw new AppError('email_taken');
    if (taken !== 'username_key') throw error;
    const freed = await db.$executeRaw`
      DELETE FROM "user" WHERE username_key = ${canonical(username)} AND pending_until < clock_timestamp()`;
    if (freed === 0) throw new AppError('username_taken');
    return claimingName({ db }, username, make);
  }
}
