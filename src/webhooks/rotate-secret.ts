import { type Actor, auditEvent } from '../audit/events.js';
import { dataBox } from '../keys/data-box.js';
import { lockedWebhook } from './change.js';
import type { WebhookDeps } from './create.js';
import { newSecret, sealSecret } from './secrets.js';

const signsAlongHours = 24;

/**
 * Makes another secret. The one before signs along for a day, so that a receiver can take over the new one at leisure; an
 * older one ends now.
 * @throws AppError not_found, webhook_fixed
 */
export async function rotateSecret(
  { db, loadKeys }: Pick<WebhookDeps, 'db' | 'loadKeys'>,
  id: string,
  actor: Actor,
): Promise<{ secret: string; previousUntil: Date }> {
  const secret = newSecret();
  const box = dataBox(await loadKeys());
  const previousUntil = await db.$transaction(async (tx) => {
    // The row's own spelling of its id.
    const sealed = sealSecret(box, (await lockedWebhook(tx, id)).id, secret.bytes);
    const [row] = await tx.$queryRaw<{ until: Date }[]>`
      UPDATE webhook SET sealed_previous = sealed_secret, sealed_secret = ${sealed}::bytea,
        previous_until = clock_timestamp() + make_interval(hours => ${signsAlongHours}::int), updated_at = clock_timestamp()
      WHERE id = ${id}::uuid RETURNING previous_until AS until`;
    await tx.$executeRaw(auditEvent('webhook.changed', null, actor, { webhook_id: id, changed: ['secret'] }));
    return row?.until;
  });
  if (!previousUntil) throw new Error('An UPDATE returned nothing');
  return { secret: secret.text, previousUntil };
}
