import { z } from 'zod';
import type { Db } from '../platform/db/database.js';
import { time } from '../platform/http/fields.js';
import { inPages, maxExported, personalData } from '../platform/personal-data.js';

export const mailsData = personalData({
  table: 'outbox',
  schema: z.object({
    id: z.uuid(),
    purpose: z.string(),
    recipient: z.string(),
    created_at: time,
    sent_at: time.nullable(),
    detail: z.unknown(),
  }),
  read: (db, { id: userId }) =>
    inPages(
      (page) => mailsOf(db, userId, page),
      ({ id, purpose, recipient, createdAt, sentAt, detail }) => ({
        id,
        purpose,
        recipient,
        created_at: createdAt.toISOString(),
        sent_at: sentAt?.toISOString() ?? null,
        detail,
      }),
    ),
});

type MailRow = {
  id: string;
  purpose: string;
  recipient: string;
  createdAt: Date;
  sentAt: Date | null;
  detail: unknown;
};

/**
 * An address that the user only wants may be another user's. What became of a mail to it depends on that user, so it is
 * not told; and who asked for a `resend` need not have been this user.
 */
async function mailsOf(db: Db, userId: string, { after, take }: { after: string; take: number }): Promise<MailRow[]> {
  return db.$queryRaw`
    SELECT o.id, o.purpose, o.recipient, o.created_at AS "createdAt", o.detail,
      CASE WHEN o.purpose NOT IN ('verify', 'resend') OR o.recipient_key = u.email_key THEN o.sent_at END AS "sentAt"
    FROM outbox o JOIN "user" u ON u.id = o.user_id
    WHERE o.user_id = ${userId}::uuid AND o.id > ${after}::uuid
      AND (o.purpose <> 'resend' OR o.recipient_key = u.email_key)
    ORDER BY o.id LIMIT ${take}`;
}

export const mailedTokensData = personalData({
  table: 'one_time_token',
  schema: z.object({ purpose: z.string(), email: z.string(), expires_at: time }),
  async read(db, { id: userId }) {
    const rows = await db.oneTimeToken.findMany({ where: { userId }, omit: { hash: true }, take: maxExported });
    return rows.map(({ purpose, emailKey, expiresAt }) => ({
      purpose,
      email: emailKey,
      expires_at: expiresAt.toISOString(),
    }));
  },
});
