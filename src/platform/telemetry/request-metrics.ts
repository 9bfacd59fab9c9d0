import { Counter, Histogram, type Registry } from 'prom-client';

/** A finished request, in our own words only: no path, no address, no client input. */
type EndedRequest = {
  /** `other` for methods that no route has. */
  method: string;
  route: string;
  /** `aborted` if the client left before the response. */
  status: number | 'aborted';
  seconds: number;
  limit: string | undefined;
};

export type RequestMetrics = { ended(request: EndedRequest): void };

// From a request that only needs memory to one that waits for a hash (5 s).
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createRequestMetrics(registry: Registry): RequestMetrics {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'How long requests took, from the head to the last byte of the answer.',
    labelNames: ['method', 'route', 'status'],
    buckets,
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'gatelatch_rate_limit_refusals_total',
    help: 'Requests that a limit refused.',
    labelNames: ['limit'],
    registers: [registry],
  });
  return {
    ended({ method, route, status, seconds, limit }) {
      durations.observe({ method, route, status }, seconds);
      if (limit !== undefined) refusals.inc({ limit });
    },
  };
}
