import type { Actor } from '../audit/events.js';
import { permissionsOf } from '../permissions/permissions.js';
import type { Db } from '../platform/db/database.js';
import { claimingName } from '../sign-up/pending.js';
import { lockUser, type User } from '../users/users.js';
import { createUser } from './create-user.js';
import { type Rights, requireRights } from './rights.js';

/**
 * Makes a user for a machine: it has roles, and gets keys. It has no password, no e-mail and no session.
 * @param rights what the actor's token may
 * @throws AppError username_taken; forbidden if the actor lacks what the roles give
 */
export function createServiceUser(
  { db }: { db: Db },
  { username, roles }: { username: string; roles: string[] },
  actor: Actor,
  rights: Rights,
): Promise<User> {
  const user = { kind: 'service' as const, username, passwordHash: null, roles: [...new Set(roles)] };
  return claimingName({ db }, username, () =>
    db.$transaction(async (tx) => {
      if (actor.actorId !== undefined) await lockUser(tx, actor.actorId);
      await requireRights(tx, actor, rights, ['service-users:write', ...permissionsOf('service', user.roles)]);
      return createUser({ db: tx }, user, actor);
    }),
  );
}
