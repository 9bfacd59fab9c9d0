import { Counter, type Registry } from 'prom-client';

export type ApiKeyMetrics = {
  /** @param outcome `good`, or the code of the refusal */
  checked(outcome: string, cached: boolean): void;
  introspected(active: boolean): void;
};

export function createApiKeyMetrics(registry: Registry): ApiKeyMetrics {
  // Each request with a known key counts here, and the library's counters are slow.
  let cachedGood = 0;
  const checks = new Counter({
    name: 'gatelatch_api_key_checks_total',
    help: 'API keys that were presented, by what became of them, and whether memory was enough to know.',
    labelNames: ['outcome', 'cached'],
    registers: [registry],
    collect() {
      this.inc({ outcome: 'good', cached: 'true' }, cachedGood);
      cachedGood = 0;
    },
  });
  const introspections = new Counter({
    name: 'gatelatch_introspections_total',
    help: 'Tokens that others asked about, by whether they were good.',
    labelNames: ['active'],
    registers: [registry],
  });
  return {
    introspected: (active) => introspections.inc({ active: `${active}` }),
    checked(outcome, cached) {
      if (outcome === 'good' && cached) cachedGood += 1;
      else checks.inc({ outcome, cached: `${cached}` });
    },
  };
}
