import { Counter, type Registry } from 'prom-client';

type Outcome = 'delivered' | 'failed' | 'given_up' | 'disabled';

export type WebhookMetrics = { attempted(outcome: Outcome): void };

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const attempts = new Counter({
    name: 'gatelatch_webhook_attempts_total',
    help: 'Attempts to deliver an event: delivered, failed, given up (the last one); and webhooks that were disabled.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of ['delivered', 'failed', 'given_up', 'disabled']) attempts.inc({ outcome }, 0);
  return { attempted: (outcome) => attempts.inc({ outcome }) };
}
