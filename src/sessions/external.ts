import { auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';

/** Who someone is at a provider: issuer and subject alone decide. */
export type PersonAtProvider = {
  issuer: string;
  subject: string;
  email: string | null;
  name: string | null;
};

/**
 * What stands behind a sign-in by a provider.
 * @property sessionId of the session that the external code leads to, perhaps after a second factor
 * @property link set if the identity is not linked yet, and this sign-in does it
 */
export type External = { identityId: string; provider: string; sessionId: string; link?: PersonAtProvider };

/** An INSERT of an identity. @param from gives the user as `u` */
export function insertIdentity(
  { identityId, provider }: Pick<External, 'identityId' | 'provider'>,
  person: PersonAtProvider,
  from: Prisma.Sql,
): Prisma.Sql {
  const { issuer, subject, email, name } = person;
  return Prisma.sql`
    INSERT INTO identity (id, user_id, provider, issuer, subject, email, name, last_used_at)
    SELECT ${identityId}::uuid, u.id, ${provider}, ${issuer}, ${subject}, ${email}, ${name}, clock_timestamp() ${from}`;
}

/** Links the identity of a sign-in, as `linked`, once all factors are spent; it has no row if somebody was faster. */
export function linking(external: External, link: PersonAtProvider): Prisma.Sql {
  const from = Prisma.sql`FROM locked u, (SELECT FROM spent LIMIT 1) spent`;
  return Prisma.sql`linked AS (${insertIdentity(external, link, from)} ON CONFLICT DO NOTHING RETURNING id)`;
}

/** Records and tells it. */
export function tellingOfLink({ identityId: id, provider }: External, userId: string, caller: Caller): Prisma.Sql {
  const actor = { actorId: userId, caller };
  const recorded = auditEvent('identity.linked', userId, actor, { id, provider }, Prisma.sql`FROM linked`);
  const told = enqueueNotice('identity_linked', Prisma.sql`FROM (SELECT u.* FROM u, linked) u`, caller);
  return Prisma.sql`link_recorded AS (${recorded}), told_of_link AS (${told})`;
}
