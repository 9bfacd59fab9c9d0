import type { Db } from '../platform/db/database.js';
import { byDue, isWaiting } from './deliveries.js';
import { countedUpTo } from './webhooks.js';

/** @property oldestSeconds since when the oldest has waited; 0 if none waits */
type WebhookVitals = { waiting: number; oldestSeconds: number };

/** What waits to be sent, without what a disabled webhook holds back; of each the 10,000 that are due first. */
export async function webhookVitals({ db }: { db: Db }): Promise<WebhookVitals> {
  const [vitals] = await db.$queryRaw<WebhookVitals[]>`
    SELECT count(*)::int AS waiting,
      coalesce(extract(epoch FROM clock_timestamp() - min(d.created_at)), 0)::float8 AS "oldestSeconds"
    FROM webhook w CROSS JOIN LATERAL (
      SELECT d.created_at FROM webhook_delivery d
      WHERE d.webhook_id = w.id AND ${isWaiting} ORDER BY ${byDue} LIMIT ${countedUpTo}) d
    WHERE w.disabled_at IS NULL`;
  if (!vitals) throw new Error('An aggregate returned nothing');
  return vitals;
}
