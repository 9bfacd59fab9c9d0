import { z } from 'zod';

export const time = z.iso.datetime();

/** Without NUL, and without a byte order mark at the start, which the embedded database would remove. */
export function textSchema(minLength: number, maxLength: number) {
  return z
    .string()
    .min(minLength)
    .max(maxLength)
    .refine((text) => text.isWellFormed() && !/^\ufeff|\0/.test(text), 'Not valid Unicode text.');
}
