import type { Db } from '../db/database.js';
import type { OutboxItem } from '../outbox/queue.js';
import type { Deliver } from '../outbox/worker.js';
import type { Mailer } from './mailer.js';
import { messageOf } from './message.js';
import { type MailContent, renderMail } from './render.js';

type MailDeps = { db: Db; config: { appUrl: string; mail: { from: string } } };
type Compose = (deps: MailDeps, item: OutboxItem) => Promise<MailContent | undefined>;

export function deliverMails(deps: MailDeps, compose: Compose, send: Mailer): Deliver {
  const { appUrl, mail } = deps.config;
  return async (item, signal) => {
    const content = await compose(deps, item);
    if (content) await send(messageOf(item.id, mail.from, content.to, renderMail(content, appUrl)), signal);
    return content !== undefined;
  };
}
