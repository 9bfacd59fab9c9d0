const fast = 'it is too fast to protect a password';
const unknown = 'nothing here computes it';

/** What is often found in other systems and not taken over. */
export const weakFormats: { name: string; recognise: RegExp; why: string }[] = [
  { name: 'MD5', recognise: /^(?:[\da-f]{32}|\{MD5\}.*|md5\$.*)$/i, why: fast },
  { name: 'SHA-1', recognise: /^(?:[\da-f]{40}|\*[\da-f]{40}|\{S?SHA\}.*|sha1\$.*)$/i, why: fast },
  {
    name: 'SHA-2',
    recognise: /^(?:[\da-f]{64}|[\da-f]{96}|[\da-f]{128}|\{S?SHA(?:-?256|-?384|-?512)\}.*)$/i,
    why: fast,
  },
  { name: 'MD5 crypt', recognise: /^\$(?:1|apr1)\$/, why: fast },
  { name: 'phpass (MD5; WordPress before 6.8)', recognise: /^\$[PH]\$[./A-Za-z\d]{31}$/, why: fast },
  { name: 'SHA-2 crypt', recognise: /^\$[56]\$/, why: unknown },
  { name: 'yescrypt', recognise: /^\$y\$/, why: unknown },
  { name: 'DES crypt', recognise: /^[./A-Za-z\d]{13}$/, why: fast },
  { name: 'no kind (plain text)', recognise: /^\{noop\}/, why: 'a password must not be in a file' },
];
