import { v7 as uuidv7 } from 'uuid';
import { permissionsOfUser, type Rights, requireRights } from '../admin/rights.js';
import { type Actor, auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { firstMissing, type Permission } from '../permissions/permissions.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { kindOf, lockedUser, type User } from '../users/users.js';
import { writeApiKey } from './format.js';
import { type ShownKey, shownColumns } from './json.js';

const mostKeys = 50;

// Of those that have ended, which stay for a week. Keys of a second would pile up, and hold up their owner's deletion.
const mostEnded = 1_000;

/** @property scopes sorted, each once @property expiresIn in seconds; null: without an end */
export type WantedKey = { name: string; scopes: string[]; expiresIn: number | null };

/** @property rights what the actor's token may @property needs what the row asks for, if the owner is somebody else */
type Maker = { actor: Actor; rights: Rights; needs?: Permission };

type MakeDeps = { db: Db; outboxWake: Wake; config: Pick<Config, 'apiKeys'> };

/** A key with its text, which is nowhere else. */
type MadeKey = ShownKey & { key: string };

/**
 * Makes a key. Nobody gives more than they have: token and roles of the maker, and the roles of the owner, are looked at
 * under the lock of both users.
 * @param check looks at the owner under the lock
 * @throws AppError forbidden, which names the first permission that the maker lacks; validation_failed, if the owner
 *   lacks one; not_found, too_many_api_keys, and as `check`
 */
export async function makeApiKey(
  { db, outboxWake, config }: MakeDeps,
  ownerId: string,
  wanted: WantedKey,
  { actor, rights, needs }: Maker,
  check: (owner: User, tx: Transaction) => void | Promise<void>,
): Promise<MadeKey> {
  if (!config.apiKeys.on) throw new AppError('forbidden', { detail: 'This server takes no API keys.' });
  const made = await db.$transaction(async (tx) => {
    const owner = await lockedUser(tx, ownerId, actor.actorId);
    if (!owner) throw new AppError('not_found');
    await check(owner, tx);
    await requireRights(tx, actor, rights, [...(needs ? [needs] : []), ...wanted.scopes]);
    requireHeld(owner, wanted.scopes);
    return insert(tx, ownerId, wanted, actor, config.apiKeys.prefix);
  });
  outboxWake.wake();
  return made;
}

/** Persons make their own keys: one that another person has seen is not theirs alone. @throws AppError not_a_service_user */
export function requireServiceUser(owner: User): void {
  if (kindOf(owner) !== 'service') throw new AppError('not_a_service_user');
}

function requireHeld(owner: User, scopes: string[]): void {
  const missing = firstMissing(permissionsOfUser(owner), scopes);
  if (missing === undefined) return;
  const message = `The owner of the key lacks ${missing}. Give them a role that has it first.`;
  throw new AppError('validation_failed', { errors: [{ path: 'scopes', message }] });
}

/** The owner is locked, so no other key of theirs is made between the count and the row. */
async function insert(
  tx: Transaction,
  ownerId: string,
  { name, scopes, expiresIn }: WantedKey,
  actor: Actor,
  prefix: string,
): Promise<MadeKey> {
  const id = uuidv7();
  const { key, start, secretHash } = writeApiKey(prefix, id);
  const recorded = auditEvent('api_key.created', ownerId, actor, { api_key_id: id, scopes }, Prisma.sql`FROM made`);
  const [row] = await tx.$queryRaw<ShownKey[]>`
    WITH outdone AS (
      DELETE FROM api_key WHERE id IN (
        SELECT k.id FROM api_key k WHERE k.user_id = ${ownerId}::uuid AND NOT (${isLiveKey})
        ORDER BY k.id DESC OFFSET ${mostEnded} LIMIT 100)
    ), made AS (
      INSERT INTO api_key (id, user_id, name, start, secret_hash, scopes, created_by, expires_at)
      SELECT ${id}::uuid, ${ownerId}::uuid, ${name}, ${start}, ${secretHash}, ${scopes}::text[], ${actor.actorId ?? null}::uuid,
        clock_timestamp() + make_interval(secs => ${expiresIn}::float8)
      WHERE (SELECT count(*) FROM api_key k WHERE k.user_id = ${ownerId}::uuid AND ${isLiveKey}) < ${mostKeys}
      RETURNING *
    ), recorded AS (${recorded}) ${actor.actorId === ownerId ? Prisma.sql`, told AS (${tellOwner(actor)})` : Prisma.empty}
    SELECT ${shownColumns} FROM made`;
  if (!row) throw new AppError('too_many_api_keys');
  return { ...row, key };
}

/** A key goes on after a new password, so its owner should know of it. */
function tellOwner({ caller }: Actor): Prisma.Sql {
  const owner = Prisma.sql`FROM (SELECT o.* FROM "user" o JOIN made ON made.user_id = o.id) u`;
  return enqueueNotice('api_key_made', owner, caller);
}
