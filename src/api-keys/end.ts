import { permissionsOfUser, type Rights, requireRights, usersWrite } from '../admin/rights.js';
import type { Actor } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import { type ChangeDeps, commitChange } from '../sessions/end.js';
import { endApiKeys } from '../sessions/end-api-keys.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { lockUser } from '../users/users.js';

/** @property ownerId undefined: whose it is does not matter */
type Which = { id: string; ownerId?: string };

/**
 * Ends a key at once, here and on every instance.
 * @returns false if there is no such key of this owner, or it has ended
 */
export async function endApiKey(deps: ChangeDeps, { id, ownerId }: Which, actor: Actor): Promise<boolean> {
  let count = 0;
  await commitChange(deps, async (tx) => {
    const ended = await endApiKeys(tx, isKey(id, ownerId), actor);
    count = ended.length;
    return ended;
  });
  return count === 1;
}

/**
 * {@link endApiKey} for somebody who acts on another user.
 * @param rights what the actor's token may
 * @throws AppError forbidden if the actor lacks what the owner has
 */
export async function endApiKeyOf(
  deps: ChangeDeps,
  { id, ownerId }: Required<Which>,
  actor: Actor,
  rights: Rights,
): Promise<boolean> {
  let count = 0;
  await commitChange(deps, async (tx) => {
    await lockUser(tx, ownerId, actor.actorId);
    const owner = await tx.user.findUnique({ where: { id: ownerId, pendingUntil: null, deletedAt: null } });
    if (!owner) return [];
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOfUser(owner)]);
    const ended = await endApiKeys(tx, isKey(id, ownerId), actor);
    count = ended.length;
    return ended;
  });
  return count === 1;
}

function isKey(id: string, ownerId: string | undefined): Prisma.Sql {
  const isOwners = ownerId === undefined ? Prisma.empty : Prisma.sql`AND k.user_id = ${ownerId}::uuid`;
  return Prisma.sql`id IN (SELECT k.id FROM api_key k WHERE k.id = ${id}::uuid ${isOwners} AND ${isLiveKey})`;
}
