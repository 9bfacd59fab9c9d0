import { checked } from '../platform/cli/checked.js';
import { roleSchema } from './fields.js';

/** Roles that an operator types, each once. @throws UsageError that lists those that there are */
export function typedRoles(typed: string[]): string[] {
  return [...new Set(typed.map((role) => checked(roleSchema.safeParse(role), `The role ${JSON.stringify(role)}`)))];
}
