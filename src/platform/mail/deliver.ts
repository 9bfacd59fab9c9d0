import type { Db } from '../db/database.js';
import { type MailRate, passesGate } from '../outbox/gate.js';
import type { OutboxItem } from '../outbox/queue.js';
import type { Deliver } from '../outbox/worker.js';
import type { Mailer } from './mailer.js';
import { messageOf } from './message.js';
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

type Address = (deps: MailDeps, item: OutboxItem) => Promise<AddressedMail | undefined>;

export function deliverMails(deps: MailDeps, address: Address, send: Mailer): Deliver {
  const { appUrl, mail, limits } = deps.config;
  const rate = limits.on ? limits.rates.mail : undefined;
  return async (item, signal) => {
    const addressed = await address(deps, item);
    if (!addressed) return 'pointless';
    if (!(await passesGate(deps, item, addressed, rate))) return addressed.isNotice ? 'pointless' : 'withheld';
    const content = await addressed.write();
    if (!content) return 'pointless';
    await send(messageOf(item.id, mail.from, addressed.to, renderMail(content, appUrl)), signal);
    return 'delivered';
  };
}
