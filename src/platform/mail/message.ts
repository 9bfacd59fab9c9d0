import { randomUUID } from 'node:crypto';
import { encodeWord } from 'nodemailer/lib/mime-funcs';
import * as quotedPrintable from 'nodemailer/lib/qp';
import { asciiAddress } from './email-address.js';
import type { MailText } from './render.js';

export type Message = { id: string; from: string; to: string; raw: string };

/**
 * Writes a message (RFC 5322) with two parts. Those in ASCII have no transfer encoding, which would break the link.
 * @param id of the outbox row: each attempt has the same Message-ID, so mailboxes recognise a second copy
 */
export function messageOf(id: string, from: string, to: string, { subject, text, html }: MailText): Message {
  const sender = addressIn(from);
  const recipient = asciiAddress(to);
  // Checked again here, because the recipient gets a token.
  if (!/^[^\s<>,;:"()[\]\\@]+@[^\s<>,;:"()[\]\\@]+$/.test(recipient))
    throw new Error('The recipient is not one address.');
  const boundary = `part-${randomUUID()}`;
  const part = (type: string, content: string) => `--${boundary}\r\n${encoded(type, content)}\r\n`;
  const headers = [
    `From: ${from}`,
    `To: <${recipient}>`,
    `Subject: ${isAscii(subject) && subject.length <= 900 ? subject : encodedWords(subject)}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${sender.split('@')[1]}>`,
    // RFC 3834 §5: prevents automatic replies.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
  ];
  const body = `${part('text/plain', text)}${part('text/html', html)}--${boundary}--\r\n`;
  return { id, from: sender, to: recipient, raw: `${headers.join('\r\n')}\r\n\r\n${body}` };
}

/** RFC 2047 §2: several words, each on a line of its own, of which the reader makes one text. */
function encodedWords(text: string): string {
  return encodeWord(text, 'B', 52).replaceAll('?= =?', '?=\r\n =?');
}

function encoded(type: string, content: string): string {
  // RFC 5322 §2.1.1.
  const isPlain = isAscii(content) && content.split('\r\n').every((line) => line.length <= 998);
  const [charset, encoding] = isPlain ? ['us-ascii', '7bit'] : ['utf-8', 'quoted-printable'];
  const text = isPlain ? content : quotedPrintable.wrap(quotedPrintable.encode(content), 76);
  return `Content-Type: ${type}; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}`;
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

function addressIn(from: string): string {
  return /<([^<>]+)>$/.exec(from)?.[1] ?? from;
}
