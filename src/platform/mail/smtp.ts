import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Message } from './message.js';

// `socketTimeout` is for a step without progress: RFC 5321 §4.5.3.2.6 asks for ten minutes after the message, because
// giving up on a slow server earlier sends the mail twice.
const timeLimits = { connectionTimeout: 30_000, greetingTimeout: 30_000, dnsTimeout: 10_000, socketTimeout: 600_000 };

// A message of a few kilobytes never takes longer.
const longestHandOver = 900_000;

const patienceWithGoodbye = 2_000;

/** @param host by which we introduce ourselves, unless the URL has `?name=` */
type SmtpServer = { url: string; host: string };

/** @throws if the server did not accept the message in time, before the signal */
export async function sendBySmtp({ url, host }: SmtpServer, message: Message, signal: AbortSignal): Promise<void> {
  const { auth, ...server } = parseConnectionUrl(url);
  // A closed connection is destroyed; nothing waits for it.
  const connection = new SMTPConnection({ ...introduction(host), ...server, ...timeLimits, socketCloseTimeout: 0 });
  const ended = AbortSignal.any([signal, AbortSignal.timeout(longestHandOver)]);
  const failed = new Promise<never>((_, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('The SMTP server closed the connection.')));
    ended.addEventListener('abort', () => reject(ended.reason), { once: true });
  });
  failed.catch(() => undefined);
  try {
    ended.throwIfAborted();
    await Promise.race([failed, handOver(connection, auth, message)]);
    connection.quit();
  } finally {
    connection.on('error', () => undefined);
    if (ended.aborted) connection.close();
    else setTimeout(() => connection.close(), patienceWithGoodbye).unref();
  }
}

/** The library's own choice, `[127.0.0.1]` in a container, is refused by strict servers. RFC 5321 §4.1.3 has the forms. */
function introduction(host: string): { name?: string } {
  if (isIP(host) !== 0) return { name: `[${host}]` };
  if (host.startsWith('[')) return { name: host.replace('[', '[IPv6:') };
  return host.includes('.') ? { name: host } : {};
}

type Credentials = { user?: string | undefined; pass?: string | undefined };

async function handOver(connection: SMTPConnection, auth: Credentials | undefined, message: Message): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  if (auth?.user) await promisify(connection.login.bind(connection))({ ...auth });
  const { from, to, raw } = message;
  await promisify(connection.send.bind(connection))({ from, to: [to] }, raw);
}
