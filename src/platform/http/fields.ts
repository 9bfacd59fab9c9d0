import { z } from 'zod';
import type { ZodOpenApiOverride } from 'zod-openapi';

/** What is taken: the fields that several requests share. */

export const transportSchema = z.enum(['bearer', 'cookie']);

/** How the contract tells a number that travels as the text of a query. */
function asInteger(minimum: number, maximum: number, fallback: number): ZodOpenApiOverride {
  return ({ jsonSchema }) => {
    delete jsonSchema.pattern;
    Object.assign(jsonSchema, { type: 'integer', minimum, maximum, default: fallback });
  };
}

export const pageQuerySchema = z.object({
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'A whole number from 1 to 100.')
    .default('20')
    .transform(Number)
    .meta({ description: 'How many at most.', override: asInteger(1, 100, 20) }),
  cursor: z.uuid().optional().meta({ description: 'The `next_cursor` of the page before.' }),
});

export const usernameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{3,32}$/, 'Use 3 to 32 of the letters a-z and A-Z, digits, dot, underscore and hyphen.');

/** At most so many, and so long, that an access token fits into a cookie (ASVS 3.3.5: 4,096 bytes). */
export const rolesSchema = z
  .array(
    z
      .string()
      .regex(
        /^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,31}$/,
        'Use 1 to 32 letters, digits, dots, underscores, colons and hyphens.',
      ),
  )
  .max(32, 'At most 32 roles.');

// ASCII only (as zod's pattern is), so that no Unicode look-alike or case mapping can make two addresses one.
export const emailSchema = z.email('Not an e-mail address.').max(254, 'At most 254 characters.');

/** A token as it was mailed. What is none of ours is not told from one that is used up. */
export const mailTokenSchema = z.string().max(200);

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
