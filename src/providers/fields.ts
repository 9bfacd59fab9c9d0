import { z } from 'zod';

export const codeField = z.string().min(1).max(100).meta({ example: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' });

/** RFC 7636 §4.1. */
export const verifierField = z
  .string()
  .regex(/^[\w.~-]{43,128}$/, 'A code verifier has 43 to 128 of the letters, digits and - . _ ~ (RFC 7636).')
  .meta({ example: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' });
