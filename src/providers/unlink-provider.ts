import { auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { Prisma } from '../generated/prisma/client.js';
import { CommandError } from '../platform/cli/command.js';
import type { Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type ChangeDeps, commitChange, endSessions } from '../sessions/end.js';
import { fromUser, lockUser } from '../users/users.js';

type UnlinkDeps = ChangeDeps & { config: Pick<Config, 'providers'> };

/**
 * Unlinks all identities of a provider from a user, for an operator, and ends the sessions that they began.
 * @returns how many identities, and how many sessions
 * @throws CommandError if nothing would be left to sign in with
 */
export async function unlinkProvider(
  deps: UnlinkDeps,
  userId: string,
  provider: string,
): Promise<{ unlinked: number; ended: number }> {
  const done = { unlinked: 0, ended: 0 };
  await commitChange(deps, async (tx) => {
    await lockUser(tx, userId);
    const removed = await tx.$queryRaw<{ id: string }[]>`
      DELETE FROM identity WHERE user_id = ${userId}::uuid AND provider = ${provider} RETURNING id`;
    done.unlinked = removed.length;
    if (removed.length === 0) return [];
    if (!(await canStillSignIn(tx, userId, deps.config)))
      throw new CommandError(
        'Nothing would be left to sign in with: no password, no passkey, no other provider, and no e-mail by which to choose a password. To keep this user out, disable them.',
      );
    for (const { id } of removed) await tx.$executeRaw(auditEvent('identity.unlinked', userId, {}, { id, provider }));
    await tx.$executeRaw(enqueueNotice('identity_unlinked', fromUser(userId), undefined));
    await tx.$executeRaw`DELETE FROM login_attempt WHERE user_id = ${userId}::uuid`;
    const ids = removed.map(({ id }) => id);
    const which = Prisma.sql`user_id = ${userId}::uuid AND identity_id = ANY(${ids}::uuid[])`;
    const ended = await endSessions(tx, which, 'identity_unlinked', {});
    done.ended = ended.length;
    return ended;
  });
  return done;
}

/** Also by a password that the user chooses by mail. */
async function canStillSignIn(
  tx: Transaction,
  userId: string,
  { providers }: Pick<Config, 'providers'>,
): Promise<boolean> {
  const issuers = providers.map(({ issuer }) => issuer);
  const [left] = await tx.$queryRaw<{ canSignIn: boolean }[]>`
    SELECT u.password_hash IS NOT NULL OR u.email IS NOT NULL
      OR EXISTS (SELECT FROM passkey WHERE user_id = u.id)
      OR EXISTS (SELECT FROM identity WHERE user_id = u.id AND issuer = ANY(${issuers}::text[])) AS "canSignIn"
    FROM "user" u WHERE u.id = ${userId}::uuid`;
  return left?.canSignIn === true;
}
