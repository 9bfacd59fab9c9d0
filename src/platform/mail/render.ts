export type MailText = { subject: string; text: string; html: string };

/** Text, or a link of its own. User input in it is data, never markup. */
type Paragraph = string | { label: string; path: string };

/** What a mail tells besides its words. */
export type MailFacts = {
  username?: string;
  /** Where it came from. */
  device?: string;
  ip?: string;
  /** API keys in words. */
  keys?: string;
  /** Who invites. */
  inviter?: string;
  /** When it ends. */
  until?: string;
};

/** The frame of a mail that is not in our words. */
type Words = {
  locale: string;
  greeting: string | undefined;
  footer: ((url: string) => string) | undefined;
};

export type MailContent = {
  username?: string | undefined;
  subject: string;
  paragraphs: Paragraph[];
  /** For own texts, where a purpose has two mails. */
  name?: string;
  facts?: { [Name in keyof MailFacts]: MailFacts[Name] | undefined };
  words?: Words;
};

type Part = string | { label: string; url: string };

/** @param appUrl `APP_URL`: all links lead there */
export function renderMail({ username, subject, paragraphs, words }: MailContent, appUrl: string): MailText {
  // Gives an internationalised host name in ASCII.
  const base = new URL(appUrl).href.replace(/\/$/, '');
  const clean = words ? withoutControls : printable;
  const parts = [words?.greeting ?? greeting(username), ...paragraphs].map((part) =>
    typeof part === 'string' ? clean(part) : { label: clean(part.label), url: `${base}${part.path}` },
  );
  const footer = clean(words?.footer?.(base) ?? `This mail was sent by ${base}. Please do not reply to it.`);
  return {
    subject: clean(subject),
    text: `${[...parts.map(asText), footer].join('\r\n\r\n')}\r\n`,
    html: htmlPage(words?.locale ?? 'en', clean(subject), parts, footer),
  };
}

function greeting(username: string | undefined): string {
  return username === undefined || looksLikeLink(username) ? 'Hello,' : `Hello ${username},`;
}

/**
 * Mail programs make links of host names and telephone numbers. A name that looks like one is left out of a mail: who chose
 * the name would choose where the reader goes.
 */
export function looksLikeLink(name: string): boolean {
  return /[^\w-]|\d([_-]?\d){5}/.test(name);
}

/** User input may hold any character; control characters and long lines must not change the mail's structure. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 900);
}

/** An adopter's words may have any letters. */
function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
}

function asText(part: Part): string {
  return typeof part === 'string' ? part : `${part.label}:\r\n${part.url}`;
}

// Outlook lays out by tables, knows no max-width (hence its own table), and drops most of a style sheet, so all styles are
// inline. Dark mode: Gmail and Outlook invert by themselves, the others read the two meta lines and the media query.
function htmlPage(locale: string, subject: string, parts: Part[], footer: string): string {
  return `<!doctype html>
<html lang="${escaped(locale)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
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
<body class="outer" style="margin:0;padding:0;background-color:#f2f4f7">
${table('class="outer" width="100%"', 'background-color:#f2f4f7')}
<tr><td align="center" style="padding:24px 12px">
<!--[if mso]>${table('width="520"')}<tr><td><![endif]-->
${table('class="inner" width="100%"', 'max-width:520px;background-color:#ffffff;border-radius:8px')}
<tr><td class="words" align="left" style="padding:24px 28px 8px;${font(16, 24)};color:#1d2129">
${parts.map(asHtml).join('\n')}
</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
<p class="small" style="margin:16px 0 0;${font(13, 18)};color:#5b6470">${escaped(footer)}</p>
</td></tr>
</table>
</body>
</html>
`.replace(/\n/g, '\r\n');
}

function table(attributes: string, style = ''): string {
  const shown = style && ` style="${style}"`;
  return `<table role="presentation" border="0" cellpadding="0" cellspacing="0" ${attributes}${shown}>`;
}

// A long address breaks, so that nothing is wider than a phone.
function font(size: number, line: number): string {
  return `font-family:Arial,Helvetica,sans-serif;font-size:${size}px;line-height:${line}px;word-break:break-word`;
}

function asHtml(part: Part): string {
  if (typeof part === 'string') return `<p style="margin:0 0 16px">${escaped(part)}</p>`;
  // Outlook ignores the padding of a link and takes that of the cell; elsewhere the whole button is the link.
  return `${table('', 'margin:0 0 16px')}
<tr><td bgcolor="#1f5fd6" style="border-radius:6px;mso-padding-alt:12px 20px"><a href="${escaped(part.url)}" style="display:inline-block;padding:12px 20px;${font(16, 24)};font-weight:bold;color:#ffffff;text-decoration:none"><span style="color:#ffffff">${escaped(part.label)}</span></a></td></tr>
</table>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
