import { z } from 'zod';

/** A moment, in RFC 3339. */
export const time = z.iso.datetime();

/**
 * Text that a database can hold unchanged: well-formed Unicode without NUL, and without a byte order mark at its
 * start, which the embedded database takes away.
 */
export function textSchema(minLength: number, maxLength: number) {
  return z
    .string()
    .min(minLength)
    .max(maxLength)
    .refine((text) => text.isWellFormed() && !/^\ufeff|\0/.test(text), 'Not valid Unicode text.');
}
