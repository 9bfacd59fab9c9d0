import { type AddressMail, tokenFor } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { notice } from '../platform/mail/notice.js';
import type { MailContent } from '../platform/mail/render.js';
import { canonical } from '../users/users.js';

/** The reset mail. It goes to the stored address, not to the typed one (CVE-2019-19844). */
export const forgot: AddressMail = async (deps, { recipient }) => {
  const [user] = await deps.db.$queryRaw<{ id: string; email: string }[]>`
    SELECT id, email FROM "user" WHERE email_key = ${canonical(recipient)} AND disabled_at IS NULL`;
  return user && { to: user.email, userId: user.id, write: () => resetLink(deps, user.id, canonical(user.email)) };
};

async function resetLink(deps: { db: Db }, userId: string, key: string): Promise<MailContent | undefined> {
  const found = await tokenFor(
    deps,
    'reset',
    Prisma.sql`
    SELECT *, email_key AS to_key FROM "user"
    WHERE id = ${userId}::uuid AND email_key = ${key} AND disabled_at IS NULL`,
  );
  return (
    found && {
      username: found.username,
      subject: 'Set a new password',
      paragraphs: [
        'Someone asked for a new password for your account. To set one, open the link. It works for 30 minutes, and only the newest link works.',
        { label: 'Set a new password', path: `/reset-password?token=${found.token}` },
        'If this was not you, you need not do anything. Your password stays as it is.',
      ],
    }
  );
}

export const passwordChanged = notice(
  'Your password was changed',
  'The password of your account was changed, and every other session has ended.',
  'set a new password',
);

export const passwordReset = notice(
  'Your password was reset',
  'A new password was set for your account with a link that we mailed to you, and every session has ended.',
  'set a new password',
);
