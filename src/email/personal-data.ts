import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { maxExported, personalData } from '../platform/personal-data.js';

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
  async read(db, { id: userId }) {
    const rows = await db.outbox.findMany({
      where: { userId },
      orderBy: { id: 'asc' },
      take: maxExported,
    });
    return rows.map(({ id, purpose, recipient, createdAt, sentAt, detail }) => ({
      id,
      purpose,
      recipient,
      created_at: createdAt.toISOString(),
      sent_at: sentAt?.toISOString() ?? null,
      detail,
    }));
  },
});

export const mailedTokensData = personalData({
  table: 'one_time_token',
  schema: z.object({ purpose: z.string(), email: z.string(), expires_at: time }),
  async read(db, { id: userId }) {
    const rows = await db.oneTimeToken.findMany({ where: { userId }, omit: { hash: true } });
    return rows.map(({ purpose, emailKey, expiresAt }) => ({
      purpose,
      email: emailKey,
      expires_at: expiresAt.toISOString(),
    }));
  },
});
