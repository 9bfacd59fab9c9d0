import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApp } from './app.js';

/** A mail as its reader sees it. */
export type Mail = { id: string; to: string; subject: string; text: string; html: string; raw: string; token: string };

/** Reads a message that our server made: two parts, which are plain unless they have letters beyond ASCII. */
export function readMail(raw: string): Mail {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'mi').exec(head)?.[1]?.trim() ?? '';
  const boundary = /boundary="([^"]+)"/.exec(head)?.[1] ?? '';
  const [, text = '', html = ''] = rest.join('\r\n\r\n').split(`--${boundary}`);
  return {
    id: header('Message-ID'),
    to: header('To'),
    subject: header('Subject'),
    text: contentOf(text),
    html: contentOf(html),
    raw,
    token: /\?token=([\w-]+)/.exec(contentOf(text))?.[1] ?? '',
  };
}

function contentOf(part: string): string {
  const [head = '', ...rest] = part.split('\r\n\r\n');
  const content = rest.join('\r\n\r\n');
  if (!head.includes('quoted-printable')) return content;
  // RFC 2045 §6.7.
  const bytes = content
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
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
