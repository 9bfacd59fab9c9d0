import { v7 as uuidv7 } from 'uuid';
import { enqueueVerification } from '../email/mails.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { OutboxWake } from '../platform/outbox/wake.js';
import { canonical, insertPendingUser, takenError, type User, userColumns } from '../users/users.js';

type SignUpDeps = { db: Db; outboxWake?: OutboxWake };

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
export async function keepSignUp(
  { db, outboxWake }: SignUpDeps,
  { username, email, passwordHash }: { username: string; email: string; passwordHash: string },
): Promise<User> {
  const user = await claimingName({ db }, username, async () => {
    const inserted = insertPendingUser(uuidv7(), { username, email, passwordHash }, waitsHours);
    const mail = enqueueVerification(Prisma.sql`FROM (
      SELECT * FROM u WHERE ${mailsPerHour} > (SELECT count(*) FROM (SELECT FROM "user" w
        WHERE w.pending_email_key = u.pending_email_key AND w.created_at > clock_timestamp() - interval '1 hour'
        LIMIT ${mailsPerHour}) earlier)) u`);
    const [made] = await db.$queryRaw<[User]>`
      WITH u AS (${inserted}), mailed AS (${mail}) SELECT ${userColumns} FROM u`;
    return made;
  });
  outboxWake?.wake();
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
  } catch (thrown) {
    const error = takenError(thrown);
    if (!(error instanceof AppError) || error.code !== 'username_taken') throw error;
    const freed = await db.$executeRaw`
      DELETE FROM "user" WHERE username_key = ${canonical(username)} AND pending_until < clock_timestamp()`;
    if (freed === 0) throw error;
    return claimingName({ db }, username, make);
  }
}
