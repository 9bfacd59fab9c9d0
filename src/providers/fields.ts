import { z } from 'zod';

export const codeField = z.string().min(1).max(100);

/** RFC 7636 §4.1. */
export const verifierField = z
  .string()
  .regex(/^[\w.~-]{43,128}$/, 'A code verifier has 43 to 128 of the letters, digits and - . _ ~ (RFC 7636).');
