import { v7 as uuidv7 } from 'uuid';
import { type Actor, auditEvent } from '../audit/events.js';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { dataBox } from '../keys/data-box.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Db } from '../platform/db/database.js';
import { locks } from '../platform/db/locks.js';
import { newSecret, sealSecret } from './secrets.js';
import { requireAllowed } from './url.js';
import { findWebhook, type ShownWebhook } from './webhooks.js';

const mostWebhooks = 20;

export type WebhookDeps = { db: Db; config: Pick<Config, 'webhooks'>; loadKeys(): Promise<SigningKeys> };

export type WantedWebhook = { url: string; events: string[]; description: string };

/**
 * Makes a webhook; its secret is nowhere else in the clear.
 * @throws AppError validation_failed for a URL that the settings do not allow, too_many_webhooks
 */
export async function createWebhook(
  { db, config, loadKeys }: WebhookDeps,
  { url, events, description }: WantedWebhook,
  actor: Actor,
): Promise<ShownWebhook & { secret: string }> {
  requireAllowed(url, config.webhooks);
  const [id, secret] = [uuidv7(), newSecret()];
  const sealed = sealSecret(dataBox(await loadKeys()), id, secret.bytes);
  const made = await db.$transaction(async (tx) => {
    // Two at once would not see each other.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(${locks.webhooks})::text`;
    if ((await tx.webhook.count({ where: { url: { not: null } } })) >= mostWebhooks)
      throw new AppError('too_many_webhooks', { detail: `There may be ${mostWebhooks} webhooks.` });
    await tx.$executeRaw`
      WITH made AS (
        INSERT INTO webhook (id, url, events, description, sealed_secret, created_by)
        VALUES (${id}::uuid, ${url}, ${events}::text[], ${description}, ${sealed}::bytea, ${actor.actorId ?? null}::uuid)
        RETURNING id
      ) ${auditEvent('webhook.created', null, actor, { webhook_id: id }, Prisma.sql`FROM made`)}`;
    return findWebhook(tx, id);
  });
  if (!made) throw new Error('An INSERT returned nothing');
  return { ...made, secret: secret.text };
}
