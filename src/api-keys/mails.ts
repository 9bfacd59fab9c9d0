import type { AddressMail } from '../email/mails.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { notice } from '../platform/mail/notice.js';
import { isLiveKey, keysInWords } from '../sessions/live-api-keys.js';

export const apiKeyMade = notice(
  'An API key was made',
  'An API key was made for your account: a program that has it can do what it was made for, also after a new password. Your list of API keys ends it.',
  'get it back',
);

/** Who is told of key `k` of owner `o`: of a service user's key its maker. */
export const toldOf = Prisma.sql`CASE WHEN o.kind = 'service' THEN k.created_by ELSE k.user_id END`;

/** Named when the mail is sent, so that a key that was ended meanwhile is not among them. */
export const apiKeyExpiring: AddressMail = async ({ db }, { recipient, userId, detail: { username } }) => {
  const keys = await expiringSoon(db, userId);
  const last = keys.at(-1)?.expiresAt;
  if (!last) return undefined;
  const isOne = keys.length === 1;
  return {
    to: recipient,
    userId,
    isNotice: true,
    write: async () => ({
      username,
      facts: { keys: keysInWords(keys), until: last.toISOString().slice(0, 10) },
      subject: isOne ? 'An API key will expire soon' : 'API keys will expire soon',
      paragraphs: [
        `${isOne ? 'This API key expires on' : 'These API keys expire by'} ${last.toISOString().slice(0, 10)}: ${keysInWords(keys)}.`,
        'Programs that use it are refused from then on. If you still need it, make a new one and put it in its place. If not, you need not do anything.',
      ],
    }),
  };
};

type ExpiringKey = { name: string; start: string; expiresAt: Date };

async function expiringSoon(db: Db, userId: string | null): Promise<ExpiringKey[]> {
  return db.$queryRaw<ExpiringKey[]>`
    SELECT k.name, k.start, k.expires_at AS "expiresAt" FROM api_key k JOIN "user" o ON o.id = k.user_id
    WHERE ${toldOf} = ${userId}::uuid AND k.expiry_told_at IS NOT NULL AND ${isLiveKey}
    ORDER BY k.expires_at, k.id`;
}
