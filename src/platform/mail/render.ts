/** Both parts are ASCII with lines below 998 characters (RFC 5322 §2.1.1). */
export type MailText = { subject: string; text: string; html: string };

/** Text, or a link of its own. User input in it is data, never markup. */
type Paragraph = string | { label: string; path: string };

export type MailContent = { to: string; username?: string; subject: string; paragraphs: Paragraph[] };

/** @param appUrl `APP_URL`: all links lead there */
export function renderMail({ username, subject, paragraphs }: MailContent, appUrl: string): MailText {
  // Gives an internationalised host name in ASCII.
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

// User input may hold any character; control characters and long lines must not change the mail's structure.
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
