import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { ProvenUser } from '../passwords/proof.js';
import type { Transaction } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { type Changing, changeMethods } from '../second-factor/change.js';
import type { identitySchema } from '../second-factor/json.js';
import { canSignIn, requireSoundEmail } from '../second-factor/methods.js';
import { endSessions } from '../sessions/end.js';
import { fromUser } from '../users/users.js';
import { type AnsweredFlow, endFlow } from './flows.js';
import type { Person } from './person.js';

/** The most that a user may have. */
const maxIdentities = 10;

type LinkedIdentity = z.input<typeof identitySchema>;

/**
 * Links the person of a flow to the user.
 * @throws AppError invalid_one_time_token, email_unverified, identity_taken, too_many
 */
export async function linkIdentity(context: Changing, proven: ProvenUser, flow: AnsweredFlow): Promise<LinkedIdentity> {
  const userId = context.principal.sub;
  const { person } = flow;
  return changeMethods(context, proven, async (tx, methods, actor) => {
    requireSoundEmail(methods);
    if ((await tx.identity.count({ where: { userId } })) >= maxIdentities) throw new AppError('too_many');
    if (!(await endFlow(tx, flow))) throw new AppError('invalid_one_time_token');
    const identity = await insert(tx, userId, person);
    await tx.$executeRaw(auditEvent('identity.linked', userId, actor, { id: identity.id, provider: person.provider }));
    await tx.$executeRaw(enqueueNotice('identity_linked', fromUser(userId), context.caller));
    return { result: identity, effect: 'voids_logins' };
  });
}

/** @throws AppError identity_taken */
async function insert(tx: Transaction, userId: string, person: Person): Promise<LinkedIdentity> {
  const { provider, issuer, subject, email, name } = person;
  const [row] = await tx.$queryRaw<{ id: string; createdAt: Date }[]>`
    INSERT INTO identity (id, user_id, provider, issuer, subject, email, name)
    VALUES (${uuidv7()}::uuid, ${userId}::uuid, ${provider}, ${issuer}, ${subject}, ${email}, ${name})
    ON CONFLICT (issuer, subject) DO NOTHING RETURNING id, created_at AS "createdAt"`;
  if (!row) throw new AppError('identity_taken');
  return { id: row.id, provider, email, name, created_at: row.createdAt.toISOString(), last_used_at: null };
}

/**
 * Unlinks an identity and ends the sessions that it began.
 * @throws AppError not_found, last_sign_in_method
 */
export async function unlinkIdentity(context: Changing, proven: ProvenUser, id: string): Promise<void> {
  const userId = context.principal.sub;
  await changeMethods(context, proven, async (tx, methods, actor) => {
    const [unlinked] = await tx.$queryRaw<{ provider: string; issuer: string }[]>`
      DELETE FROM identity WHERE id = ${id}::uuid AND user_id = ${userId}::uuid RETURNING provider, issuer`;
    if (!unlinked) throw new AppError('not_found');
    const wasOpening = context.deps.config.providers.some(({ issuer }) => issuer === unlinked.issuer);
    const left = { ...methods, identities: methods.identities - (wasOpening ? 1 : 0) };
    if (!canSignIn(left)) throw new AppError('last_sign_in_method');
    await tx.$executeRaw(auditEvent('identity.unlinked', userId, actor, { id, provider: unlinked.provider }));
    await tx.$executeRaw(enqueueNotice('identity_unlinked', fromUser(userId), context.caller));
    const which = Prisma.sql`user_id = ${userId}::uuid AND identity_id = ${id}::uuid`;
    const ended = await endSessions(tx, which, 'identity_unlinked', actor);
    return { result: undefined, effect: 'voids_logins', ended };
  });
}
