import { type ComposeMail, tokenFor } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import { notice } from '../platform/mail/notice.js';
import { canonical } from '../users/users.js';

/** The reset mail. It goes to the stored address, not to the typed one (CVE-2019-19844). */
export const forgot: ComposeMail = async (deps, { recipient }) => {
  const found = await tokenFor(
    deps,
    'reset',
    Prisma.sql`
    SELECT *, email_key AS to_key FROM "user" WHERE email_key = ${canonical(recipient)} AND disabled_at IS NULL`,
  );
  return (
    found && {
      to: found.email,
      username: found.username,
      subject: 'Set a new password',
      paragraphs: [
        'someone asked for a new password for your account. Open the link to set one. It works for 30 minutes, and only the newest one works.',
        { label: 'Set a new password', path: `/reset-password?token=${found.token}` },
        'If this was not you, do nothing: your password stays as it is.',
      ],
    }
  );
};

export const passwordChanged = notice(
  'Your password was changed',
  'the password of your account was changed, and every other session has ended.',
  'set a new password',
);

export const passwordReset = notice(
  'Your password was reset',
  'a new password was set for your account by a link that we mailed to you, and every session has ended.',
  'set a new password',
);
