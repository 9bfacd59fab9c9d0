import { Counter, type Registry } from 'prom-client';

export type ApiKeyMetrics = {
  /** @param outcome `good`, or the code of the refusal */
  checked(outcome: string, cached: boolean): void;
  introspected(active: boolean): void;
};

export function createApiKeyMetrics(registry: Registry): ApiKeyMetrics {
  const checks = new Counter({
    name: 'gatelatch_api_key_checks_total',
    help: 'API keys that were presented, by what became of them, and whether memory was enough to know.',
    labelNames: ['outcome', 'cached'],
    registers: [registry],
  });
  const introspections = new Counter({
    name: 'gatelatch_introspections_total',
    help: 'Tokens that others asked about, by whether they were good.',
    labelNames: ['active'],
    registers: [registry],
  });
  const good = { true: checks.labels('good', 'true'), false: checks.labels('good', 'false') };
  return {
    introspected: (active) => introspections.inc({ active: `${active}` }),
    checked(outcome, cached) {
      if (outcome === 'good') good[`${cached}`].inc();
      else checks.inc({ outcome, cached: `${cached}` });
    },
  };
}
