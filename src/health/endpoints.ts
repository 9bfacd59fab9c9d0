import { z } from 'zod';
import { openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';

const replySchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health', example: { status: 'ok' } });

const ok = { status: 'ok' } as const;

/** Asks nothing of the database: its failure is no reason to restart this process. */
export const live = openEndpoint({
  name: 'checkHealth',
  summary: 'Check that the process is alive',
  statements: 0,
  reply: [200, replySchema],
  returns: 'The process answers.',
  handler: () => ({ body: ok }),
});

/** Ready if the database answers and this instance is not stopping. */
export const ready = openEndpoint({
  name: 'checkReadiness',
  summary: 'Check that this instance takes requests',
  statements: 1,
  reply: [200, replySchema],
  returns: 'The database answers, and this instance is not stopping.',
  errors: ['database_unavailable', 'shutting_down'],
  async handler({ deps }) {
    const state = await deps.readiness.check();
    if (state !== 'ready') throw new AppError(state);
    return { body: ok };
  },
});

/** Numbers for Prometheus, with nothing about any user. */
export const metrics = openEndpoint({
  name: 'getMetrics',
  summary: 'Get numbers for Prometheus',
  statements: 2,
  reply: [200, 'text/plain'],
  returns: 'The numbers of this instance, in Prometheus’ text format.',
  handler: async ({ deps }) => ({ body: await deps.metrics.read() }),
});
