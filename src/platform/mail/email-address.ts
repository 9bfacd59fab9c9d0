import { domainToASCII } from 'node:url';

// RFC 5322 §3.2.3: a dot-atom.
const localPart = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;

// With the dots and joiners that IDNA knows, and nothing else that it would map to a dot or drop: `domainToASCII` reads
// a URL's host, and takes `example.com/x`, `exa%6dple.com` and an invisible character for `example.com`.
const domainText = /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}.\-。．｡·・]|\u200c|\u200d)+$/u;

// RFC 1034 §3.5, RFC 1123 §2.1.
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What is wrong with an e-mail address, as a sentence to show. RFC 5321 §4.5.3.1 has the lengths. */
export function objectionToEmail(email: string): string | undefined {
  const at = email.lastIndexOf('@');
  const local = email.slice(0, at);
  if (at < 1 || email.length > 254) return at < 1 ? 'Not an e-mail address.' : 'At most 254 characters.';
  if (/^[\p{L}\p{M}\p{N}._-]+$/u.test(local) && !isAscii(local))
    return 'This server cannot send mail to an address with letters other than a-z before the @.';
  if (!localPart.test(local)) return 'Not an e-mail address.';
  if (local.length > 64) return 'At most 64 characters before the @.';
  const domain = asciiDomain(email.slice(at + 1));
  if (domain === undefined) return 'The part after the @ is not a domain.';
  return at + 1 + domain.length > 254 ? 'At most 254 characters.' : undefined;
}

/** The same address with its domain in ASCII, as mail servers need it; other text stays as it is. */
export function asciiAddress(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 0 || isAscii(text)) return text;
  return `${text.slice(0, at)}@${asciiDomain(text.slice(at + 1)) ?? text.slice(at + 1)}`;
}

/** The same address with its domain in small ASCII letters: one spelling of it, for code that looks at the domain. */
export function withPlainDomain(address: string): string {
  const text = asciiAddress(address);
  const at = text.lastIndexOf('@');
  return at < 0 ? text : text.slice(0, at) + text.slice(at).toLowerCase();
}

function asciiDomain(domain: string): string | undefined {
  if (domain.length > 253 || !domainText.test(domain) || domain.split(/[.。．｡]/).some(mixesAlphabets))
    return undefined;
  const ascii = domainToASCII(domain);
  const labels = ascii.split('.');
  // An IPv4 address ends in digits.
  const isGood = labels.every((one) => label.test(one)) && /^(?!\d+$)../.test(labels.at(-1) ?? '');
  return isGood && ascii.length <= 253 ? ascii : undefined;
}

/** No registry allows it, and an administrator could not tell `exаmple` from `example`. */
function mixesAlphabets(text: string): boolean {
  return /\p{Script=Latin}/u.test(text) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(text);
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}
