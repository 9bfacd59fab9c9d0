/** What each of our permissions lets its holder do. An adopter's own stand in own/permissions.ts. */
export const ourPermissions = {
  'profile:read': 'Read your own user.',
  'todos:read': 'Read your todos.',
  'todos:write': 'Make, change and delete your todos.',
  'users:read': 'Read users, their sessions, their API keys and the roles.',
  'users:write': 'Change, disable and delete users, end their sessions and API keys, and invite people.',
  'audit:read': 'Read the audit.',
  'service-users:write': 'Make service users and their API keys.',
  'webhooks:write': 'Make and change webhooks. Who has it can read every user.',
  'tokens:introspect': 'Ask whether a token is good.',
} as const;

/** The role that has every permission, an adopter's too. */
export const adminRole = 'admin';

/** What every person has without its being listed in `roles`. A service user has it only if it is listed. */
export const personRole = 'user';

/** The permissions of {@link personRole}; an adopter may add to them. */
export const personPermissions = ['profile:read', 'todos:read', 'todos:write'] as const;
