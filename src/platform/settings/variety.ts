import { deflateRawSync } from 'node:zlib';

/**
 * How many bytes a text needs when repeated pieces are left out, and runs such as `1234` or `aaaa`, whose steps repeat.
 * 32 characters by chance need 27 at least: digits, letters or both (20,000 of each were tried).
 */
export function varietyOf(text: string): number {
  const bytes = Buffer.from(text);
  const steps = bytes.map((byte, n) => byte - (bytes[n - 1] ?? 0));
  return Math.min(...[bytes, steps].map((form) => deflateRawSync(form, { level: 9 }).length));
}
