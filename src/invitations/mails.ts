import type { AddressMail } from '../email/mails.js';
import { newToken } from '../email/one-time-tokens.js';
import type { Db } from '../platform/db/database.js';
import { looksLikeLink, type MailContent } from '../platform/mail/render.js';
import { canonical } from '../users/users.js';
import { isWaiting } from './invitations.js';

/** The mail of the invitation that waits for the address when it is sent. */
export const invitation: AddressMail = async (deps, { recipient }) => {
  const [waiting] = await deps.db.$queryRaw<{ id: string; email: string }[]>`
    SELECT i.id, i.email FROM invitation i WHERE i.email_key = ${canonical(recipient)} AND ${isWaiting}`;
  return waiting && { to: waiting.email, userId: null, write: () => acceptLink(deps, waiting.id) };
};

/** Makes the token, which takes the place of one that was mailed before. */
async function acceptLink({ db }: { db: Db }, id: string): Promise<MailContent | undefined> {
  const { token, hash } = newToken();
  const [found] = await db.$queryRaw<{ inviter: string | null; expiresAt: Date }[]>`
    UPDATE invitation i SET hash = ${hash} WHERE i.id = ${id}::uuid AND ${isWaiting}
    RETURNING (SELECT username FROM "user" WHERE id = i.invited_by) AS inviter, i.expires_at AS "expiresAt"`;
  if (!found) return undefined;
  const { inviter } = found;
  const named = inviter === null || looksLikeLink(inviter) ? undefined : inviter;
  const who = named === undefined ? 'You are invited' : `${named} invites you`;
  const until = inUtc(found.expiresAt);
  return {
    facts: { inviter: named, until },
    subject: 'You are invited',
    paragraphs: [
      `${who} to make an account here. To accept, open the link, and choose a username and a password. It works once, until ${until}, and only the newest link works.`,
      { label: 'Accept the invitation', path: `/accept-invitation?token=${token}` },
      'If you do not know what this is about, you need not do anything. Without the link, no account is made.',
    ],
  };
}

function inUtc(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
