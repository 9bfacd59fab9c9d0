import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApp } from './app.js';

/** A mail as its reader sees it. */
export type Mail = { id: string; to: string; subject: string; text: string; html: string; raw: string; token: string };

/** Reads a message that our server made: two 7-bit parts. */
export function readMail(raw: string): Mail {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'mi').exec(head)?.[1]?.trim() ?? '';
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? '';
  const [, text = '', html = ''] = rest.join('\r\n\r\n').split(`--${boundary}`);
  return {
    id: header('Message-ID'),
    to: header('To'),
    subject: header('Subject'),
    text: text.split('\r\n\r\n').slice(1).join('\r\n\r\n'),
    html: html.split('\r\n\r\n').slice(1).join('\r\n\r\n'),
    raw,
    token: /\?token=([\w-]+)/.exec(text)?.[1] ?? '',
  };
}

/** Every mail in the app's folder, in the order in which they were requested. */
export function mailsOf({ config }: Pick<TestApp, 'config'>): Mail[] {
  if (!existsSync(config.mail.folder)) return [];
  const files = readdirSync(config.mail.folder).filter((name) => name.endsWith('.eml'));
  return files.sort().map((name) => readMail(readFileSync(join(config.mail.folder, name), 'utf8')));
}

/** Waits until the outbox is empty, and returns every mail. */
export async function settledMails(app: Pick<TestApp, 'config' | 'deps'>): Promise<Mail[]> {
  await outboxEmpty(app);
  return mailsOf(app);
}

export async function outboxEmpty({ deps }: Pick<TestApp, 'deps'>, withinMs = 15_000): Promise<void> {
  await eventually(
    async () => (await deps.db.outbox.count({ where: { sentAt: null, failedAt: null } })) === 0,
    withinMs,
  );
}

export async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${holds}`);
    await sleep(20);
  }
}

/** The newest mail to an address, optionally with a certain subject. */
export async function mailTo(app: Pick<TestApp, 'config' | 'deps'>, address: string, subject = /./): Promise<Mail> {
  const found = (await settledMails(app)).filter((mail) => mail.to === `<${address}>` && subject.test(mail.subject));
  const newest = found.at(-1);
  if (!newest) throw new Error(`No mail to ${address} about ${subject}`);
  return newest;
}

/** Opens the link that was mailed to an address. */
export async function confirm(app: Pick<TestApp, 'config' | 'deps' | 'http'>, address: string): Promise<void> {
  const { token } = await mailTo(app, address, /Confirm/);
  await app.http.post('/auth/email/verify').send({ token }).expect(204);
}
