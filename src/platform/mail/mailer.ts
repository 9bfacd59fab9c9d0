import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Message } from './message.js';
import { sendBySmtp } from './smtp.js';

/**
 * Hands a message over for good: resolved, it is the SMTP server's (or lies on disk); rejected, it is not.
 * @param signal cuts a hand-over that is under way
 */
export type Mailer = (message: Message, signal: AbortSignal) => Promise<void>;

/** Over `SMTP_URL`; without it each mail becomes a file, which is enough to try everything out. */
export function createMailer(
  { smtpUrl, folder }: { smtpUrl: string | undefined; folder: string },
  production: boolean,
  log: Logger,
): Mailer {
  if (smtpUrl !== undefined) return (message, signal) => sendBySmtp(smtpUrl, message, signal);
  if (production) log.warn({ folder }, 'SMTP_URL is not set: nobody gets mail, each is a file in this folder');
  return (message) => writeMail(folder, message, log);
}

/** The same message again becomes the same file, whole at any moment, and its owner's alone: it holds a token. */
async function writeMail(folder: string, { id, raw }: Message, log: Logger): Promise<void> {
  const file = join(folder, `${id}.eml`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(`${file}.part`, raw, { mode: 0o600 });
  await rename(`${file}.part`, file);
  log.info({ file }, 'a mail was written to a file, because SMTP_URL is not set');
}
