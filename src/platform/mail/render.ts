/** What a mail says, in plain text and in HTML. Both are ASCII in lines of fewer than 998 characters (RFC 5322 §2.1.1). */
export type MailText = { subject: string; text: string; html: string };

/** A paragraph is text, or a link that stands alone. What users or requests bring into it is data, never markup. */
export type Paragraph = string | { label: string; path: string };

/** A mail to one address, before it is written as text and HTML. */
export type MailContent = { to: string; username?: string; subject: string; paragraphs: Paragraph[] };

/** Writes a mail. @param appUrl `APP_URL`: links lead there and nowhere else */
export function renderMail({ username, subject, paragraphs }: MailContent, appUrl: string): MailText {
  // An internationalised host name in its ASCII form.
  const base = new URL(appUrl).href.replace(/\/$/, '');
  const greeting = username === undefined ? 'Hello,' : `Hello ${username},`;
  const parts = [greeting, ...paragraphs, `This mail was sent by ${base}. Please do not reply to it.`].map((part) =>
    typeof part === 'string' ? printable(part) : { label: part.label, url: `${base}${part.path}` },
  );
  return {
    subject,
    text: `${parts.map((part) => (typeof part === 'string' ? part : `${part.label}:\r\n${part.url}`)).join('\r\n\r\n')}\r\n`,
    html: `<!doctype html>\r\n<html lang="en"><body>\r\n${parts.map(asHtml).join('\r\n')}\r\n</body></html>\r\n`,
  };
}

// What a request brings may hold any character; a control character or a long line must not shape the mail.
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 900);
}

function asHtml(part: string | { label: string; url: string }): string {
  if (typeof part === 'string') return `<p>${escaped(part)}</p>`;
  return `<p><a href="${escaped(part.url)}">${escaped(part.label)}</a></p>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
