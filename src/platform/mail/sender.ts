import { encodeWord } from 'nodemailer/lib/mime-funcs';
import { asciiAddress, objectionToEmail } from './email-address.js';

/**
 * The header of a sender that an operator typed: an address, `Name <address>` or `"Name, Inc." <address>`.
 * @returns undefined if it is none of them
 */
export function senderHeader(text: string): string | undefined {
  const [, quoted, bare = '', inBrackets, alone] =
    /^(?:(?:"((?:[^"\\\p{Cc}]|\\["\\])*)"|([^"<>,;:@()[\]\\\p{Cc}]*?))\s*<([^<>\s]+)>|([^<>\s]+))$/u.exec(text) ?? [];
  const address = inBrackets ?? alone;
  const name = quoted?.replace(/\\(.)/g, '$1') ?? bare;
  if (address === undefined || name.length > 100 || objectionToEmail(address) !== undefined) return undefined;
  return name === '' ? asciiAddress(address) : `${phrase(name)} <${asciiAddress(address)}>`;
}

/** RFC 5322 §3.2.5, RFC 2047 §5. */
function phrase(name: string): string {
  if (/^[\w ]+$/.test(name)) return name;
  return /^[\x20-\x7e]+$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : encodeWord(name, 'B', 52);
}
