import type { Deps } from '../deps.js';
import type { Db } from '../platform/db/database.js';
import type { EventPayload, WebhookEvent } from './events.js';
import { failure, type Outcome } from './outcome.js';
import { ownWebhookId } from './webhooks.js';

/** Your own code by event. It runs after the commit, at least once; what it throws makes it run again later. */
export type EventHandlers = {
  [Event in Exclude<WebhookEvent, 'webhook.ping'>]?: (event: EventPayload<Event>, deps: Deps) => Promise<unknown>;
};

/**
 * Makes the row of the handlers say which events they take, so that those are queued; without handlers there is no row.
 * What waits for a handler that is gone goes with it.
 */
export async function announceHandlers({ db }: { db: Db }, on: EventHandlers): Promise<void> {
  const events = Object.keys(on).sort();
  if (events.length === 0) return void (await db.webhook.deleteMany({ where: { id: ownWebhookId } }));
  await db.$executeRaw`
    INSERT INTO webhook (id, events, description)
    VALUES (${ownWebhookId}::uuid, ${events}::text[], 'The handlers of src/own/events.ts')
    ON CONFLICT (id) DO UPDATE SET events = excluded.events, updated_at = clock_timestamp()
      WHERE webhook.events IS DISTINCT FROM excluded.events`;
  await db.$executeRaw`
    DELETE FROM webhook_delivery d USING audit_event e
    WHERE d.webhook_id = ${ownWebhookId}::uuid AND d.delivered_at IS NULL AND d.failed_at IS NULL
      AND e.id = d.event_id AND e.action <> ALL (${events}::text[])`;
}

/** Runs the handler of an event. It cannot be cut: past its time it counts as failed, and may still be at work. */
export async function handle(
  deps: Deps,
  on: EventHandlers,
  event: EventPayload,
  signal: AbortSignal,
): Promise<Outcome> {
  const handler = on[event.type as keyof EventHandlers] as
    | ((event: EventPayload, deps: Deps) => Promise<unknown>)
    | undefined;
  if (!handler) return { ...failure('there is no handler for it'), isFinal: true };
  let cut: () => void = () => undefined;
  const outOfTime = new Promise<never>((_, reject) => {
    cut = () => reject(signal.reason);
    signal.addEventListener('abort', cut, { once: true });
  });
  try {
    await Promise.race([handler(event, deps), outOfTime]);
    return { status: null, why: undefined };
  } catch (error) {
    if (signal.aborted) throw error;
    deps.log.error({ err: error, event: event.data.id, type: event.type }, 'a handler of src/own/events.ts failed');
    return failure(`the handler threw ${error instanceof Error ? nameOf(error) : 'no error'}`);
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

/** A database keeps no NUL: a failure that cannot be marked would come again each minute, for good. */
function nameOf({ name }: Error): string {
  return String(name).replace(/\p{C}/gu, ' ').slice(0, 60);
}
