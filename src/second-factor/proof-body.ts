import { z } from 'zod';

/** What a row with *proof* has in its body, besides its own fields. */
export const proofFields = {
  password: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Needed unless you have just signed in with two factors, or have no password.' }),
};

/** The body of a row with *proof* and without fields of its own. */
export const proofSchema = z
  .strictObject(proofFields)
  .meta({ id: 'ProofBody', example: { password: 'nine geese over a quiet lake' } })
  .default({});
