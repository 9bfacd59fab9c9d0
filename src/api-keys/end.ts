import { permissionsOfUser, type Rights, requireRights, usersWrite } from '../admin/rights.js';
import type { Actor } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Transaction } from '../platform/db/database.js';
import { type ChangeDeps, commitChange } from '../sessions/end.js';
import { endApiKeys } from '../sessions/end-api-keys.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { lockedUser } from '../users/users.js';

/** @property ownerId undefined: whose it is does not matter */
type Which = { id: string; ownerId?: string };

/**
 * Ends a key at once, here and on every instance.
 * @param check looks at the owner first
 * @returns false if there is no such key of this owner, or it has ended
 * @throws as `check`
 */
export async function endApiKey(
  deps: ChangeDeps,
  { id, ownerId }: Which,
  actor: Actor,
  check?: (tx: Transaction) => Promise<void>,
): Promise<boolean> {
  let count = 0;
  await commitChange(deps, async (tx) => {
    await check?.(tx);
    const ended = await endApiKeys(tx, isKey(id, ownerId), actor);
    count = ended.length;
    return ended;
  });
  return count === 1;
}

/**
 * {@link endApiKey} for somebody who acts on another user.
 * @param rights what the actor's token may
 * @throws AppError not_found without the owner; forbidden if the actor lacks what the owner has
 */
export function endApiKeyOf(deps: ChangeDeps, which: Required<Which>, actor: Actor, rights: Rights): Promise<boolean> {
  return endApiKey(deps, which, actor, async (tx) => {
    const owner = await lockedUser(tx, which.ownerId, actor.actorId);
    if (!owner) throw new AppError('not_found');
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOfUser(owner)]);
  });
}

function isKey(id: string, ownerId: string | undefined): Prisma.Sql {
  const isOwners = ownerId === undefined ? Prisma.empty : Prisma.sql`AND k.user_id = ${ownerId}::uuid`;
  return Prisma.sql`id IN (SELECT k.id FROM api_key k WHERE k.id = ${id}::uuid ${isOwners} AND ${isLiveKey})`;
}
