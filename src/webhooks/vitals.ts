import type { Db } from '../platform/db/database.js';

/** @property oldestSeconds since when the oldest has waited; 0 if none waits */
type WebhookVitals = { waiting: number; oldestSeconds: number };

/** What waits to be sent, without what a disabled webhook holds back. */
export async function webhookVitals({ db }: { db: Db }): Promise<WebhookVitals> {
  const [vitals] = await db.$queryRaw<WebhookVitals[]>`
    SELECT count(*)::int AS waiting,
      coalesce(extract(epoch FROM clock_timestamp() - min(d.created_at)), 0)::float8 AS "oldestSeconds"
    FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
    WHERE d.delivered_at IS NULL AND d.failed_at IS NULL AND w.disabled_at IS NULL`;
  if (!vitals) throw new Error('An aggregate returned nothing');
  return vitals;
}
