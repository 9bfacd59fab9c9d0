import { type AddressMail, tokenFor } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { notice } from '../platform/mail/notice.js';
import type { MailContent } from '../platform/mail/render.js';
import { isLiveKey, keysInWords } from '../sessions/live-api-keys.js';
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

export const passwordChanged = withKeysLeft(
  notice(
    'Your password was changed',
    'The password of your account was changed, and every other session has ended.',
    'set a new password',
  ),
);

export const passwordReset = withKeysLeft(
  notice(
    'Your password was reset',
    'A new password was set for your account with a link that we mailed to you, and every session has ended.',
    'set a new password',
  ),
);

/** A new password leaves API keys alone, so the mail names those that still work. */
function withKeysLeft(mail: AddressMail): AddressMail {
  return async (deps, item) => {
    const addressed = await mail(deps, item);
    return addressed && { ...addressed, write: async () => named(await addressed.write(), await keysLeft(deps, item)) };
  };
}

function named(content: MailContent | undefined, keys: NamedKey[]): MailContent | undefined {
  if (!content || keys.length === 0) return content;
  const named = keysInWords(keys);
  const left = `These API keys of yours still work: ${named}. End those that you do not know.`;
  return { ...content, paragraphs: [...content.paragraphs, left], facts: { ...content.facts, keys: named } };
}

type NamedKey = { name: string; start: string };

async function keysLeft({ db }: { db: Db }, { userId }: { userId: string | null }): Promise<NamedKey[]> {
  return db.$queryRaw<NamedKey[]>`
    SELECT k.name, k.start FROM api_key k WHERE k.user_id = ${userId}::uuid AND ${isLiveKey} ORDER BY k.id`;
}
