import { StartError } from '../errors.js';
import { ownPermissions, ownRoles } from '../own/permissions.js';
import { adminRole, ourPermissions, personPermissions, personRole } from './ours.js';

/** What a row may ask for, and a key may be made with: `noun:verb`. */
export type Permission = keyof typeof ourPermissions | keyof typeof ownPermissions;

/** A name for a set of permissions. Roles are code: there are no others. */
export type Role = typeof adminRole | typeof personRole | keyof typeof ownRoles;

export type UserKind = 'person' | 'service';

type Described = { name: string; description: string };
type RoleEntry = Described & { permissions: string[] };

const own: Record<string, { description: string; permissions: readonly string[] }> = ownRoles;

const descriptions: Record<string, string> = { ...ourPermissions, ...ownPermissions };

/** Every permission, sorted. */
export const permissions: Described[] = Object.keys(descriptions)
  .sort()
  .map((name) => ({ name, description: descriptions[name] ?? '' }));

const all = permissions.map(({ name }) => name);

/** Every role, `admin` and `user` first. */
export const roles: RoleEntry[] = [
  { name: adminRole, description: 'Has all permissions.', permissions: all },
  {
    name: personRole,
    description: 'What every person has.',
    permissions: [...new Set([...personPermissions, ...(own[personRole]?.permissions ?? [])])].sort(),
  },
  ...Object.entries(own)
    .filter(([name]) => name !== personRole)
    .map(([name, { description, permissions: given }]) => ({ name, description, permissions: [...given].sort() })),
];

const byRole = new Map(roles.map(({ name, permissions: given }) => [name, given]));

export function isRole(name: string): boolean {
  return byRole.has(name);
}

export function isPermission(name: string): name is Permission {
  return Object.hasOwn(descriptions, name);
}

const known = new Map<string, ReadonlySet<string>>();

/** What roles give by the code that runs now; a role that the code does not know gives nothing. */
export function permissionsOf(kind: UserKind, given: string[]): ReadonlySet<string> {
  const names = kind === 'person' ? [personRole, ...given] : given;
  // Old rows may have any words, but no NUL: "a b" is not "a" and "b".
  const key = names.join('\0');
  const found = known.get(key);
  if (found) return found;
  const made = new Set(names.flatMap((name) => byRole.get(name) ?? []));
  // Few combinations are in use.
  if (known.size < 10_000) known.set(key, made);
  return made;
}

/** Those of `asked` that are also in `held`. */
export function narrowed(asked: Iterable<string>, held: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...asked].filter((name) => held.has(name)));
}

/** As tokens carry it: sorted, one space between (RFC 8693 §4.2). */
export function scopeOf(held: Iterable<string>): string {
  return [...held].sort().join(' ');
}

/** The first of `needed` that is not in `held`. */
export function firstMissing(held: ReadonlySet<string>, needed: Iterable<string>): string | undefined {
  return [...needed].find((name) => !held.has(name));
}

/** Whether one of these is not what every person has. Who holds such a one is asked for `ADMIN_ACR`. */
export function areForFew(held: Iterable<string>): boolean {
  return firstMissing(permissionsOf('person', []), held) !== undefined;
}

const pattern = /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$/;

// Token and roles must fit into a cookie of 4,096 bytes.
const longestScope = 1_024;

/** @throws StartError if own/permissions.ts has something that cannot be */
export function checkPermissions(): void {
  const misnamed = all.find((name) => !pattern.test(name) || name.length > 32);
  if (misnamed !== undefined)
    throw new StartError(
      `own/permissions.ts: a permission is noun:verb, each of a-z, 0-9 and hyphen, at most 32 characters: ${misnamed}`,
    );
  const ours = Object.keys(ownPermissions).find((name) => Object.hasOwn(ourPermissions, name));
  if (ours !== undefined) throw new StartError(`own/permissions.ts: ${ours} is a permission of Gatelatch already.`);
  if (scopeOf(all).length > longestScope)
    throw new StartError(
      `own/permissions.ts: all permissions together have ${scopeOf(all).length} characters; at most ${longestScope} fit into a token.`,
    );
  if (Object.hasOwn(own, adminRole)) throw new StartError('own/permissions.ts: admin has all permissions already.');
  for (const [role, { permissions: given }] of Object.entries(own)) {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,31}$/.test(role))
      throw new StartError(`own/permissions.ts: a role is 1 to 32 letters, digits, . _ : and -: ${role}`);
    const unknown = given.find((name) => !isPermission(name));
    if (unknown !== undefined)
      throw new StartError(`own/permissions.ts: ${role} has an unknown permission: ${unknown}`);
  }
}

type RowNeeds = { method: string; path: string; role?: string; permission?: string };

/** @throws StartError if a row asks for a role or a permission that nobody can have */
export function checkRows(rows: RowNeeds[]): void {
  for (const { method, path, role, permission } of rows) {
    if (role !== undefined && !isRole(role))
      throw new StartError(`${method} ${path} asks for an unknown role: ${role}`);
    if (permission !== undefined && !isPermission(permission))
      throw new StartError(`${method} ${path} asks for an unknown permission: ${permission}`);
  }
}
