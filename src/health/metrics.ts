import type { Context, Reply } from '../endpoint.js';

/** How this instance does, for Prometheus: numbers alone, nothing of any user. */
export async function handler({ deps }: Context<'metrics-token'>): Promise<Reply> {
  return { status: 200, metrics: await deps.metrics.read() };
}
