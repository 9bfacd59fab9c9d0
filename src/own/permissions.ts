/** Your own permissions: `noun:verb`, each of a-z, 0-9 and hyphen, and what each one lets its holder do. */
export const ownPermissions = {};

/**
 * Your own roles: what each is for, and which permissions it gives. `user` here adds to what every person has. `admin` has
 * all permissions, so it cannot stand here.
 */
export const ownRoles = {
  editor: { description: 'An example of a role of your own.', permissions: [] },
};
