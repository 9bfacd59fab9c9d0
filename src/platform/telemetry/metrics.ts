import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type ApiKeyMetrics, createApiKeyMetrics } from './api-key-metrics.js';
import { createHashMetrics, type HashMetrics } from './hash-metrics.js';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.js';
import { createSignInMetrics, type SignInMetrics } from './sign-in-metrics.js';
import { describeState, type StateSources } from './state-metrics.js';
import { createWebhookMetrics, type WebhookMetrics } from './webhook-metrics.js';

/** This instance's metrics for Prometheus. Its own registry, so that two instances in one process do not mix. */
export type Metrics = {
  requests: RequestMetrics;
  hashes: HashMetrics;
  signIns: SignInMetrics;
  apiKeys: ApiKeyMetrics;
  webhooks: WebhookMetrics;
  /** Also reports these at every scrape. */
  watch(sources: StateSources): void;
  read(): Promise<string>;
};

// Node's default of 10 ms costs twice as many wake-ups and shows little more.
const eventLoopResolutionMs = 20;

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  describeBuild(registry, version);
  let asked = false;
  return {
    requests: createRequestMetrics(registry),
    hashes: createHashMetrics(registry),
    signIns: createSignInMetrics(registry),
    apiKeys: createApiKeyMetrics(registry),
    webhooks: createWebhookMetrics(registry),
    watch: (sources) => describeState(registry, sources),
    async read() {
      // Process metrics need a timer and an observer: start them only at the first scrape.
      if (!asked) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopResolutionMs });
      asked = true;
      return registry.metrics();
    },
  };
}

function describeBuild(registry: Registry, version: string): void {
  const info = new Gauge({
    name: 'gatelatch_build_info',
    help: 'Always 1: what runs is in the labels.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  info.set({ version, node: process.versions.node }, 1);
}
