import { z } from 'zod';

export const usernameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{3,32}$/, 'Use 3 to 32 of the letters a-z and A-Z, digits, dot, underscore and hyphen.')
  .meta({ example: 'ada' });

// ASCII only, as zod's pattern: no Unicode look-alike or case mapping can make two addresses equal.
export const emailSchema = z
  .email('Not an e-mail address.')
  .max(254, 'At most 254 characters.')
  .meta({ example: 'ada@example.com' });

export const roleSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,31}$/, 'Use 1 to 32 letters, digits, dots, underscores, colons and hyphens.');

/** Few and short enough for an access token in a cookie (ASVS 3.3.5: 4,096 bytes). */
export const rolesSchema = z
  .array(roleSchema)
  .max(32, 'At most 32 roles.')
  .meta({ example: ['editor'] });
