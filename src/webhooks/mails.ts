import type { AddressMail } from '../email/mails.js';
import type { Db } from '../platform/db/database.js';

/** Named when the mail is sent, by the host alone: the rest of a URL may be a secret. */
export const webhookDisabled: AddressMail = async ({ db }, { recipient, userId, detail: { username } }) => {
  const webhooks = await disabledOf(db, userId);
  if (webhooks.length === 0) return undefined;
  return {
    to: recipient,
    userId,
    isNotice: true,
    write: async () => ({
      username,
      subject: 'A webhook was disabled',
      paragraphs: [
        'This server sends events to the addresses that you gave it. To these it sends none for now:',
        ...webhooks.map(({ host, reason }) => `${host}: ${reasons[reason]}`),
        'What waits is kept. Mend the receiver, then enable the webhook again: it goes on with what waited, and a replay fetches the rest.',
      ],
    }),
  };
};

type Disabled = { host: string; reason: 'gone' | 'failing' };

const reasons: Record<Disabled['reason'], string> = {
  gone: 'it answered that it is gone (410).',
  failing: 'for five days, nothing that was sent arrived.',
};

async function disabledOf(db: Db, userId: string | null): Promise<Disabled[]> {
  return db.$queryRaw<Disabled[]>`
    SELECT split_part(split_part(split_part(url, '://', 2), '/', 1), '?', 1) AS host, disabled_reason AS reason FROM webhook
    WHERE created_by = ${userId}::uuid AND disabled_reason IN ('gone', 'failing') ORDER BY disabled_at, id`;
}
