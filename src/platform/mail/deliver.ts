import type { Db } from '../db/database.js';
import { inTime } from '../in-time.js';
import { type MailRate, passesGate } from '../outbox/gate.js';
import type { OutboxItem } from '../outbox/queue.js';
import type { Deliver } from '../outbox/worker.js';
import type { Mailer } from './mailer.js';
import { messageOf } from './message.js';
import { inOwnWords, type OwnMailTexts } from './own-texts.js';
import { type MailContent, renderMail } from './render.js';

type MailDeps = {
  db: Db;
  config: { appUrl: string; mail: { from: string }; limits: { on: boolean; rates: { mail: MailRate } } };
};

/** A mail that is not written yet. Writing may make a token, which replaces the one of an earlier mail. */
export type AddressedMail = {
  to: string;
  /** The user it is about. */
  userId: string | null;
  isNotice?: boolean;
  write(): Promise<MailContent | undefined>;
};

/** `allows` is asked before a mail is written; `texts` take the place of ours. */
type Mails = {
  address: Address;
  allows(mail: { purpose: string; to: string; userId: string | null }): Promise<boolean>;
  texts: OwnMailTexts;
};

type Address = (deps: MailDeps, item: OutboxItem) => Promise<AddressedMail | undefined>;

export function deliverMails(deps: MailDeps, { address, allows, texts }: Mails, send: Mailer): Deliver {
  const { appUrl, limits } = deps.config;
  const { from } = deps.config.mail;
  const rate = limits.on ? limits.rates.mail : undefined;
  return async (item, signal) => {
    const addressed = await address(deps, item);
    if (!addressed) return 'pointless';
    const { to, userId = item.userId } = addressed;
    const mail = { purpose: item.purpose, to, userId };
    if (!(await passesGate(deps, item, addressed, rate)) || !(await allows(mail)))
      return addressed.isNotice ? 'pointless' : 'withheld';
    const locale = (await inTime('own/mail-texts.ts: localeOf', async () => texts.localeOf?.(mail, deps))) ?? 'en';
    const content = await addressed.write();
    if (!content) return 'pointless';
    const text = renderMail(inOwnWords(content, item.purpose, locale, texts), appUrl);
    await send(messageOf(item.id, from, to, text), signal);
    return 'delivered';
  };
}
