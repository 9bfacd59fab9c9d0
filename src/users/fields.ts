import { z } from 'zod';
import { AppError } from '../errors.js';
import { isRole, roles } from '../permissions/permissions.js';
import { asciiAddress, objectionToEmail } from '../platform/mail/email-address.js';

export const usernameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{3,32}$/, 'Use 3 to 32 of the letters a-z and A-Z, digits, dot, underscore and hyphen.')
  .meta({ example: 'ada' });

// ASCII before the @: no Unicode look-alike or case mapping can make two addresses equal.
export const emailSchema = z
  .string()
  .max(254, { error: 'At most 254 characters.', abort: true })
  .superRefine((email, context) => {
    const objection = objectionToEmail(email);
    if (objection) context.addIssue(objection);
  })
  .meta({
    example: 'ada@example.com',
    pattern: "^[\\w!#$%&'*+/=?^`{|}~.-]{1,64}@[^\\s@]{1,253}$",
  });

/** A domain without a dot is a typing mistake, unless the operator's network has it. @returns what is wrong with it */
export function objectionToDomain(email: string, localDomains: string[]): string | undefined {
  const [, domain = ''] = asciiAddress(email).toLowerCase().split('@');
  return domain.includes('.') || localDomains.includes(domain) ? undefined : 'The part after the @ needs a dot.';
}

/** {@link objectionToDomain} for the field `email` of a request. @throws AppError validation_failed */
export function requireKnownDomain(email: string, localDomains: string[]): void {
  const message = objectionToDomain(email, localDomains);
  if (message) throw new AppError('validation_failed', { errors: [{ path: 'email', message }] });
}

// It quotes nothing: what stands in the wrong column of an import may be a hash.
const noSuchRole = `There is no such role: src/own/permissions.ts makes them. There are ${roles.map(({ name }) => name).join(', ')}.`;

export const roleSchema = z.string().refine(isRole, noSuchRole);

/** Few and short enough for an access token in a cookie (ASVS 3.3.5: 4,096 bytes). */
export const rolesSchema = z
  .array(roleSchema)
  .max(32, 'At most 32 roles.')
  .meta({ example: ['editor'] });
