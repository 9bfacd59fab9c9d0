/** Both parts are ASCII with lines below 998 characters (RFC 5322 §2.1.1). */
export type MailText = { subject: string; text: string; html: string };

/** Text, or a link of its own. User input in it is data, never markup. */
type Paragraph = string | { label: string; path: string };

export type MailContent = { username?: string | undefined; subject: string; paragraphs: Paragraph[] };

type Part = string | { label: string; url: string };

/** @param appUrl `APP_URL`: all links lead there */
export function renderMail({ username, subject, paragraphs }: MailContent, appUrl: string): MailText {
  // Gives an internationalised host name in ASCII.
  const base = new URL(appUrl).href.replace(/\/$/, '');
  const parts = [greeting(username), ...paragraphs].map((part) =>
    typeof part === 'string' ? printable(part) : { label: part.label, url: `${base}${part.path}` },
  );
  const footer = `This mail was sent by ${base}. Please do not reply to it.`;
  return {
    subject,
    text: `${[...parts.map(asText), footer].join('\r\n\r\n')}\r\n`,
    html: htmlPage(subject, parts, footer),
  };
}

/** Mail programs make links of host names and telephone numbers: a name that looks like one is left out. */
function greeting(username: string | undefined): string {
  const looksLikeLink = username === undefined || /[^\w-]|\d([_-]?\d){5}/.test(username);
  return looksLikeLink ? 'Hello,' : `Hello ${username},`;
}

// User input may hold any character; control characters and long lines must not change the mail's structure.
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 900);
}

function asText(part: Part): string {
  return typeof part === 'string' ? part : `${part.label}:\r\n${part.url}`;
}

// Outlook lays out by tables and drops most of a style sheet, so the styles are inline; what knows dark mode inverts by
// the two meta lines, and Apple Mail by the media query.
function htmlPage(subject: string, parts: Part[], footer: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="us-ascii">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escaped(subject)}</title>
<style>
:root { color-scheme: light dark }
@media (prefers-color-scheme: dark) {
.outer { background-color: #16181d !important }
.inner { background-color: #22252c !important }
.words { color: #eceef2 !important }
.small { color: #a9afba !important }
}
</style>
</head>
<body style="margin:0;padding:0">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" class="outer" bgcolor="#f2f4f7">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" class="inner" bgcolor="#ffffff" style="max-width:520px;border-radius:8px">
<tr><td class="words" style="padding:24px 28px;${font};font-size:16px;line-height:24px;color:#1d2129">
${parts.map(asHtml).join('\n')}
</td></tr>
</table>
<p class="small" style="margin:16px 0 0;${font};font-size:13px;line-height:18px;color:#5b6470">${escaped(footer)}</p>
</td></tr>
</table>
</body>
</html>
`.replace(/\n/g, '\r\n');
}

const font = 'font-family:Arial,Helvetica,sans-serif';

function asHtml(part: Part): string {
  if (typeof part === 'string') return `<p style="margin:0 0 16px">${escaped(part)}</p>`;
  const url = escaped(part.url);
  // The colour is the cell's, because Outlook ignores the padding of a link.
  return `<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 16px">
<tr><td bgcolor="#1f5fd6" style="padding:12px 20px;border-radius:6px"><a href="${url}" style="${font};font-size:16px;color:#ffffff;text-decoration:none"><span style="color:#ffffff">${escaped(part.label)}</span></a></td></tr>
</table>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
