import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createHashMetrics, type HashMetrics } from './hash-metrics.js';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.js';
import { describeState, type StateSources } from './state-metrics.js';

/** What this instance tells of itself to Prometheus. A registry of its own, so that two in one process don't mix. */
export type Metrics = {
  requests: RequestMetrics;
  hashes: HashMetrics;
  /** Has the state of these be told at each reading, too. */
  watch(sources: StateSources): void;
  /** Everything, in Prometheus' text format 0.0.4. */
  read(): Promise<string>;
};

// Node's default of 10 ms costs twice as many wake-ups, and tells little more.
const eventLoopResolutionMs = 20;

/** @param version of this server */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  describeBuild(registry, version);
  let asked = false;
  return {
    requests: createRequestMetrics(registry),
    hashes: createHashMetrics(registry),
    watch: (sources) => describeState(registry, sources),
    async read() {
      // Those of the process come with a timer and an observer, which nobody shall pay for who never asks.
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
