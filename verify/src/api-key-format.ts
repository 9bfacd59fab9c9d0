import { crc32 } from 'node:zlib';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const pattern = /^[a-z][a-z0-9]{1,9}_([0-9A-Za-z]{22})[0-9A-Za-z]{49}$/;

/** Only the shape: no JWT has it. */
export function isApiKey(token: string): boolean {
  return pattern.test(token);
}

/** The id in a key, or undefined if its checksum is wrong: then nobody has to be asked. */
export function idOfApiKey(key: string): string | undefined {
  const [, id = ''] = pattern.exec(key) ?? [];
  if (id === '' || !key.endsWith(checksum(key.slice(0, -6)))) return undefined;
  let value = 0n;
  for (const digit of id) value = value * 62n + BigInt(digits.indexOf(digit));
  if (value >= 1n << 128n) return undefined;
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Writes what Gatelatch would write, for a pretended one. @param secret 43 characters of base62 */
export function writeApiKey(id: string, secret: string): string {
  const body = `glk_${base62(BigInt(`0x${id.replaceAll('-', '')}`), 22)}${secret}`;
  return `${body}${checksum(body)}`;
}

export function base62(value: bigint, length: number): string {
  let [text, left] = ['', value];
  for (; left > 0n; left /= 62n) text = digits.charAt(Number(left % 62n)) + text;
  return text.padStart(length, '0');
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), 6);
}
