import type { Actor } from '../audit/events.js';
import { AppError } from '../errors.js';
import { firstMissing, narrowed, permissionsOf } from '../permissions/permissions.js';
import type { Transaction } from '../platform/db/database.js';
import { lacking } from '../sessions/permit.js';
import { kindOf, type User } from '../users/users.js';

/** What the actor's token may; `all` for the operator, the server, and for users who act on themselves. */
export type Rights = ReadonlySet<string> | 'all';

/** What the rows ask for that act on users: asked again under the lock, because it may have been taken away meanwhile. */
export const usersWrite = 'users:write';

/**
 * Nobody gives more than they have, and nobody acts on somebody who may more. Call it under the lock of the actor's row:
 * what the actor's roles give now counts, so that two changes at once cannot pass together.
 * @param needed permissions that are given, or that the other user has
 * @throws AppError forbidden, which names the first one missing; api_key_revoked if the actor's key has ended meanwhile,
 *   so that it gives nothing that stays when it is gone
 */
export async function requireRights(
  tx: Transaction,
  { actorId, apiKeyId }: Actor,
  rights: Rights,
  needed: Iterable<string>,
): Promise<void> {
  if (rights === 'all') return;
  const actor = await tx.user.findUnique({ where: { id: actorId ?? '', disabledAt: null, deletedAt: null } });
  const held = actor ? narrowed(rights, permissionsOf(kindOf(actor), actor.roles)) : new Set<string>();
  const missing = firstMissing(held, needed);
  if (missing !== undefined) throw lacking(missing);
  const isEnded = apiKeyId !== undefined && (await tx.apiKey.count({ where: { id: apiKeyId, revokedAt: null } })) === 0;
  if (isEnded) throw new AppError('api_key_revoked');
}

/** What a user has by their roles. */
export function permissionsOfUser(user: Pick<User, 'kind' | 'roles'>): ReadonlySet<string> {
  return permissionsOf(kindOf(user), user.roles);
}
