import type { Letter } from '../../email/mails.js';

/** What a mail says, in plain text and in HTML. Both are ASCII in lines of fewer than 998 characters (RFC 5322 §2.1.1). */
export type MailText = { subject: string; text: string; html: string };

/** A paragraph is text, or a link that stands alone. Whatever users or requests bring into it is data, never markup. */
type Paragraph = string | { label: string; url: string };

/** Every text that is mailed. @param appUrl `APP_URL`: links lead there and nowhere else */
export function mailTextFor(letter: Letter, appUrl: string): MailText {
  // An internationalised host name in its ASCII form.
  const base = new URL(appUrl).href.replace(/\/$/, '');
  const { subject, paragraphs } = contentOf(letter, base);
  const greeting = 'username' in letter ? `Hello ${letter.username},` : 'Hello,';
  const all = [greeting, ...paragraphs, `This mail was sent by ${base}. Nobody reads answers to it.`].map(printable);
  return {
    subject,
    text: `${all.map((part) => (typeof part === 'string' ? part : `${part.label}:\r\n${part.url}`)).join('\r\n\r\n')}\r\n`,
    html: `<!doctype html>\r\n<html lang="en"><body>\r\n${all.map(asHtml).join('\r\n')}\r\n</body></html>\r\n`,
  };
}

function contentOf(letter: Letter, appUrl: string): { subject: string; paragraphs: Paragraph[] } {
  switch (letter.about) {
    case 'verify':
      return {
        subject: 'Confirm your e-mail address',
        paragraphs: [
          'this address was given for your user. Open the link and press the button to confirm that it is yours. The link is good for 24 hours.',
          { label: 'Confirm the address', url: `${appUrl}/verify-email?token=${letter.token}` },
          'If you know nothing of this, do nothing: without the link the address is not used.',
        ],
      };
    case 'reset':
      return {
        subject: 'Set a new password',
        paragraphs: [
          'somebody asked for a new password for your user. Open the link to set one. It is good for 30 minutes, and only the newest one works.',
          { label: 'Set a new password', url: `${appUrl}/reset-password?token=${letter.token}` },
          'If that was not you, do nothing: your password stays as it is.',
        ],
      };
    case 'already_registered':
      return {
        subject: 'You already have a user',
        paragraphs: [
          'somebody, perhaps you, wants to use this address, but it already belongs to a user of yours. Log in with that one; if you do not know its password any more, ask for a new one.',
          'If that was not you, do nothing: nothing has changed.',
        ],
      };
    case 'new_device':
      return {
        subject: 'A sign-in from a new device',
        paragraphs: ['your user was signed in from a device that is new to us.', whence(letter), notYou],
      };
    case 'password_changed':
      return {
        subject: 'Your password was changed',
        paragraphs: [
          'the password of your user was changed, and every other session has ended.',
          whence(letter),
          notYou,
        ],
      };
    case 'password_reset':
      return {
        subject: 'Your password was reset',
        paragraphs: [
          'a new password was set for your user by a link mailed to you, and every session has ended.',
          whence(letter),
          notYou,
        ],
      };
    case 'email_change_asked':
      return {
        subject: 'A change of your e-mail address was asked for',
        paragraphs: [
          'somebody who knows your password asked to use another e-mail address for your user. Until the link that was mailed to the other address is opened, nothing changes.',
          whence(letter),
          notYou,
        ],
      };
    case 'email_changed':
      return {
        subject: 'Your e-mail address was changed',
        paragraphs: [
          'your user has another e-mail address from now on; this one is no longer used.',
          whence(letter),
          tellOperator,
        ],
      };
    case 'user_deleted':
      return {
        subject: 'Your user was deleted',
        paragraphs: ['your user was deleted, with all that belonged to it.', whence(letter), tellOperator],
      };
  }
}

const notYou =
  'If that was not you, set a new password at once: that ends every session and withdraws what was asked for.';
const tellOperator = 'If that was not you, tell whoever runs this service.';

function whence({ ip, userAgent }: { ip: string | null; userAgent: string | null }): string {
  return ip === null ? 'It was done by whoever runs this service.' : `From: ${ip}${userAgent ? `, ${userAgent}` : ''}`;
}

// What a request brings may hold any character; a control character or a long line must not shape the mail.
function printable(part: Paragraph): Paragraph {
  return typeof part === 'string' ? part.replace(/[^\x20-\x7e]/g, '?').slice(0, 900) : part;
}

function asHtml(part: Paragraph): string {
  if (typeof part === 'string') return `<p>${escaped(part)}</p>`;
  return `<p><a href="${escaped(part.url)}">${escaped(part.label)}</a></p>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
