import { type Actor, auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { Prisma, type Webhook } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import type { WantedWebhook } from './create.js';
import { requireAllowed } from './url.js';
import { type DisabledReason, findWebhook, type ShownWebhook } from './webhooks.js';

type ChangeDeps = { db: Db; config: Pick<Config, 'webhooks'> };

type Changes = { [Field in keyof WantedWebhook]?: WantedWebhook[Field] | undefined } & {
  enabled?: boolean | undefined;
};

/** Locks the row until the transaction ends. @throws AppError not_found, webhook_fixed for the handlers in code */
export async function lockedWebhook(tx: Transaction, id: string): Promise<Webhook> {
  await tx.$queryRaw`SELECT FROM webhook WHERE id = ${id}::uuid FOR UPDATE`;
  const found = await tx.webhook.findUnique({ where: { id } });
  if (!found) throw new AppError('not_found');
  if (found.url === null) throw new AppError('webhook_fixed');
  return found;
}

/**
 * Changes what is given. One that is enabled again goes on with what waited.
 * @throws AppError not_found, webhook_fixed; validation_failed for a URL that the settings do not allow
 */
export async function changeWebhook(
  { db, config }: ChangeDeps,
  id: string,
  { enabled, ...given }: Changes,
  actor: Actor,
): Promise<ShownWebhook> {
  if (given.url !== undefined) requireAllowed(given.url, config.webhooks);
  const changed = await db.$transaction(async (tx) => {
    const before = await lockedWebhook(tx, id);
    const fields = changedFields(before, given);
    const enables = enabled === true && before.disabledAt !== null;
    if (fields.length > 0 || enables) {
      await update(tx, id, { ...before, ...defined(given) }, enables);
      const detail = { webhook_id: id, changed: [...fields, ...(enables ? ['enabled'] : [])] };
      await tx.$executeRaw(auditEvent('webhook.changed', null, actor, detail));
    }
    if (enabled === false) await tx.$executeRaw(disabling(id, 'manual', actor));
    return findWebhook(tx, id);
  });
  if (!changed) throw new AppError('not_found');
  return changed;
}

function defined(given: Omit<Changes, 'enabled'>): Partial<WantedWebhook> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function changedFields(before: Webhook, given: Omit<Changes, 'enabled'>): string[] {
  return Object.entries(defined(given)).flatMap(([name, value]) =>
    JSON.stringify(before[name as keyof WantedWebhook]) === JSON.stringify(value) ? [] : [name],
  );
}

async function update(tx: Transaction, id: string, { url, events, description }: Webhook, enables: boolean) {
  const enabling = enables ? Prisma.sql`, disabled_at = NULL, disabled_reason = NULL` : Prisma.empty;
  // A new URL has failed nothing yet.
  await tx.$executeRaw`
    UPDATE webhook SET url = ${url}, events = ${events}::text[], description = ${description},
      failing_since = CASE WHEN url = ${url} AND NOT ${enables}::boolean THEN failing_since END,
      last_duration_ms = CASE WHEN url = ${url} THEN last_duration_ms END,
      updated_at = clock_timestamp() ${enabling} WHERE id = ${id}::uuid`;
}

/** Disables one that is enabled, with its audit event; of several at once one does it. Its maker's mail is the caller's. */
export function disabling(id: string, reason: DisabledReason, actor: Actor): Prisma.Sql {
  const detail = { webhook_id: id, reason };
  return Prisma.sql`
    WITH disabled AS (
      UPDATE webhook SET disabled_at = clock_timestamp(), disabled_reason = ${reason}, updated_at = clock_timestamp()
      WHERE id = ${id}::uuid AND url IS NOT NULL AND disabled_at IS NULL RETURNING id
    ) ${auditEvent('webhook.disabled', null, actor, detail, Prisma.sql`FROM disabled`)}`;
}

/** Nothing is sent to it any more; the purge removes what waited. @throws AppError not_found, webhook_fixed */
export async function deleteWebhook({ db }: { db: Db }, id: string, actor: Actor): Promise<void> {
  await db.$transaction(async (tx) => {
    await lockedWebhook(tx, id);
    await tx.$executeRaw`DELETE FROM webhook WHERE id = ${id}::uuid`;
    await tx.$executeRaw(auditEvent('webhook.deleted', null, actor, { webhook_id: id }));
  });
}
