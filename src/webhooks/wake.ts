import type { RequestHandler } from 'express';
import { createWake, type Wake } from '../platform/queue/wake.js';

/** Wakes this instance's worker of webhooks. */
export type WebhookWake = Wake & {
  /** Call it after what may have recorded an event. It costs nothing while there is no webhook. */
  afterDeed(): void;
  /** The worker has seen whether there are webhooks. */
  note(thereAre: boolean): void;
};

// Events that come together are taken together; under load the worker looks ten times a second, not once an event.
const gatherMs = 100;

export function createWebhookWake(): WebhookWake {
  const { wake, onWake } = createWake();
  let thereAre = false;
  let isGathering = false;
  return {
    wake,
    onWake,
    note(seen) {
      thereAre = seen;
    },
    afterDeed() {
      if (!thereAre || isGathering) return;
      isGathering = true;
      setTimeout(() => {
        isGathering = false;
        wake();
      }, gatherMs).unref();
    },
  };
}

/** What a request did is sent soon after its answer. What only reads records nothing, but for a provider's redirect. */
export function wakeAfterDeeds({ afterDeed }: WebhookWake): RequestHandler {
  return ({ method }, res, next) => {
    if (method !== 'GET' && method !== 'HEAD') res.once('close', afterDeed);
    next();
  };
}
