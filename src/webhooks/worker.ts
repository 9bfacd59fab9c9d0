import type { Deps } from '../deps.js';
import { markDone, whileLeased } from '../platform/queue/lease.js';
import { type StopWorker, startWorker } from '../platform/queue/worker.js';
import { deliver } from './deliver.js';
import { disableFailing } from './disable.js';
import { announceHandlers, type EventHandlers } from './handlers.js';
import { failure, type Outcome } from './outcome.js';
import * as queue from './queue.js';
import { retryDelay } from './retries.js';

const lanes = 10;

// With a webhook: events of other instances, and those without a request. Without one: whether another instance or the
// command line has made one.
const lookEveryMs = { withWebhooks: 5_000, without: 30_000 };

const longestFailingDays = 5;

/** Sends events to webhooks and to the handlers in code, on any number of instances. */
export async function startWebhookWorker(deps: Deps, on: EventHandlers): Promise<StopWorker> {
  const { log, webhookWake } = deps;
  await announceHandlers(deps, on);
  const handled = Object.keys(on);
  const underWay = new Map<string, number>();
  const count = (id: string, by: number) => {
    const left = (underWay.get(id) ?? 0) + by;
    // Those that were deleted would stay for good, in each statement.
    if (left === 0) underWay.delete(id);
    else underWay.set(id, left);
  };
  let thereAre = false;

  return startWorker<queue.DueDelivery>({
    async take(max) {
      const taken = thereAre ? await queue.takeDeliveries(deps, max, underWay, handled) : [];
      for (const { webhookId } of taken) count(webhookId, 1);
      return taken;
    },
    async secondsUntilDue() {
      const { webhooks, seconds } = await queue.nextDue(deps, underWay, handled);
      thereAre = webhooks > 0;
      webhookWake.note(thereAre);
      return seconds ?? undefined;
    },
    work: (due, signal) => attempt(deps, on, due, signal).finally(() => count(due.webhookId, -1)),
    lanes,
    lookEveryMs: () => (thereAre ? lookEveryMs.withWebhooks : lookEveryMs.without),
    wake: webhookWake,
    onUnmarked: (due, error) => log.error({ err: error, ...idsOf(due) }, 'a delivery could not be marked'),
    onUnreadable: (error) => log.warn({ err: error }, 'the deliveries of webhooks could not be read'),
  });
}

async function attempt(deps: Deps, on: EventHandlers, due: queue.DueDelivery, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  let outcome: Outcome;
  try {
    const extend = () => queue.extendLease(deps, due);
    outcome = await whileLeased(extend, deps.log, () => deliver(deps, on, due, signal));
  } catch (error) {
    if (signal.aborted) return await queue.putBack(deps, due);
    // An attempt as others, or what can never be prepared would be tried for good.
    deps.log.error({ err: error, ...idsOf(due) }, 'a delivery could not be prepared');
    outcome = failure('it could not be prepared: see the log');
  }
  const attempted = { ...due, status: outcome.status, durationMs: Math.round(performance.now() - startedAt) };
  if (outcome.why !== undefined) return await failed(deps, attempted, outcome);
  await markDone(() => queue.markDelivered(deps, attempted));
  deps.metrics.webhooks.attempted('delivered');
}

type Attempted = queue.DueDelivery & { durationMs: number; status: number | null };

async function failed(deps: Deps, attempted: Attempted, outcome: Outcome): Promise<void> {
  const { log, metrics } = deps;
  const retryIn = outcome.isFinal ? undefined : retryDelay(attempted.attempts, outcome.retryAfter);
  const failingDays = await queue.markFailed(deps, attempted, outcome.why, retryIn);
  metrics.webhooks.attempted(retryIn === undefined ? 'given_up' : 'failed');
  const facts = {
    ...idsOf(attempted),
    attempts: attempted.attempts,
    why: outcome.why,
    retry_in_seconds: retryIn && Math.round(retryIn),
  };
  if (retryIn === undefined) log.warn(facts, 'a delivery to a webhook was given up');
  else log.info(facts, 'a delivery to a webhook has failed');
  const reason = outcome.status === 410 ? 'gone' : (failingDays ?? 0) > longestFailingDays ? 'failing' : undefined;
  if (reason) await disable(deps, attempted, reason);
}

async function disable(deps: Deps, { webhookId, url }: Attempted, reason: 'gone' | 'failing'): Promise<void> {
  if (url === null || !(await disableFailing(deps, webhookId, url, reason))) return;
  deps.metrics.webhooks.attempted('disabled');
  deps.log.warn({ webhook: webhookId, reason }, 'a webhook was disabled: mend its receiver, then enable it again');
}

function idsOf({ webhookId, eventId }: queue.DueDelivery) {
  return { webhook: webhookId, event: eventId };
}
