import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Message } from './message.js';
import { sendBySmtp } from './smtp.js';

/** Hands a message over: after it resolves, the SMTP server (or the disk) has it. @param signal cuts the hand-over */
export type Mailer = (message: Message, signal: AbortSignal) => Promise<void>;

/** By `SMTP_URL`; without it each mail becomes a file, for development. */
export function createMailer(
  { smtpUrl, ownHost, folder }: { smtpUrl: string | undefined; ownHost: string; folder: string },
  production: boolean,
  log: Logger,
): Mailer {
  if (smtpUrl !== undefined) return (message, signal) => sendBySmtp({ url: smtpUrl, host: ownHost }, message, signal);
  if (production) log.warn({ folder }, 'SMTP_URL is not set: no mail is sent, each becomes a file in this folder');
  return (message) => writeMail(folder, message, log);
}

/** Sending again writes the same file; it is never half written, and only its owner can read it: it holds a token. */
async function writeMail(folder: string, { id, raw }: Message, log: Logger): Promise<void> {
  const file = join(folder, `${id}.eml`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(`${file}.part`, raw, { mode: 0o600 });
  await rename(`${file}.part`, file);
  log.info({ file }, 'a mail was written to a file, because SMTP_URL is not set');
}
