import { v7 as uuidv7 } from 'uuid';
import { enqueueVerification } from '../email/mails.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { Wake } from '../platform/queue/wake.js';
import { canonical, insertPendingUser, takenError, type User, userColumns } from '../users/users.js';

type SignUpDeps = { db: Db; outboxWake?: Wake };

// Hours until a pending sign-up expires. A resend does not extend it: that would reserve a name for ever.
const waitsHours = 48;

// Otherwise an attacker could fill a stranger's inbox. Further sign-ups are stored too, and a resend reaches an honest
// user. The query counts no more than these, so that timing does not reveal their number.
const mailsPerHour = 5;

type PendingSignUp = { username: string; email: string; passwordHash: string | null };

/** Common table expressions: `first`, without which there is no sign-up, and what else is made of the user `u`. */
type Together = { first: Prisma.Sql; also: Prisma.Sql };

/**
 * Reserves the username and opens nothing. Whether another user has the address only changes the mail.
 * @returns undefined if `first` was empty
 * @throws AppError username_taken
 */
export async function keepSignUp(
  { db, outboxWake }: SignUpDeps,
  signUp: PendingSignUp,
  together?: Together,
): Promise<User | undefined> {
  const user = await claimingName({ db }, signUp.username, async () => {
    const from = together ? Prisma.sql`FROM first` : Prisma.empty;
    const inserted = insertPendingUser(uuidv7(), signUp, waitsHours, from);
    const mail = enqueueVerification(Prisma.sql`FROM (
      SELECT * FROM u WHERE ${mailsPerHour} > (SELECT count(*) FROM (SELECT FROM "user" w
        WHERE w.pending_email_key = u.pending_email_key AND w.created_at > clock_timestamp() - interval '1 hour'
        LIMIT ${mailsPerHour}) earlier)) u`);
    const [before, after] = together
      ? [Prisma.sql`${together.first},`, Prisma.sql`, ${together.also}`]
      : [Prisma.empty, Prisma.empty];
    const [made] = await db.$queryRaw<User[]>`
      WITH ${before} u AS (${inserted}), mailed AS (${mail}) ${after} SELECT ${userColumns} FROM u`;
    return made;
  });
  outboxWake?.wake();
  return user;
}

/** Creates a user, also under the name of an expired sign-up. @throws AppError username_taken, email_taken */
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
