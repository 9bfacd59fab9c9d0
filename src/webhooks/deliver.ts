import type { Deps } from '../deps.js';
import { dataBox } from '../keys/data-box.js';
import { ownVersion } from '../platform/process/version.js';
import type { EventPayload } from './events.js';
import { type EventHandlers, handle } from './handlers.js';
import { failure, type Outcome, outcomeOf, TimedOut, whyNoAnswer } from './outcome.js';
import { payloadOf } from './payload.js';
import { post } from './post.js';
import type { DueDelivery } from './queue.js';
import { openSecret } from './secrets.js';
import { signedHeaders } from './sign.js';

const userAgent = `Gatelatch/${ownVersion()}`;

/**
 * One attempt, of `WEBHOOK_TIMEOUT` at most.
 * @param stopping cuts it
 * @throws if it was cut, and if the database cannot be asked
 */
export async function deliver(
  deps: Deps,
  on: EventHandlers,
  due: DueDelivery,
  stopping: AbortSignal,
): Promise<Outcome> {
  const event = await payloadOf(deps, due);
  if (!event) return { ...failure('the event has been purged from the audit'), isFinal: true };
  return withinTime(deps.config.webhooks.timeout, stopping, (signal) =>
    due.url === null ? handle(deps, on, event, signal) : send(deps, due, new URL(due.url), event, signal),
  );
}

async function send(
  { config, keys }: Deps,
  { webhookId, sealedSecret, sealedPrevious }: DueDelivery,
  url: URL,
  event: EventPayload,
  signal: AbortSignal,
): Promise<Outcome> {
  const sealed = [sealedSecret, sealedPrevious].filter((secret) => secret !== null);
  const secrets = sealed.map((secret) => openSecret(dataBox(keys), webhookId, secret)).filter((secret) => !!secret);
  if (secrets.length === 0) return failure('its secret does not open: see AUTH_SECRET, or make a new one');
  const { allow, plainHttp } = config.webhooks;
  if (url.protocol !== 'https:' && !plainHttp) return failure('it does not begin with https://');
  const body = JSON.stringify(event);
  const headers = {
    'Content-Type': 'application/json',
    'User-Agent': userAgent,
    ...signedHeaders(`evt_${event.data.id}`, body, secrets),
  };
  return outcomeOf(await post(url, { headers, body, allow, signal }));
}

async function withinTime(
  seconds: number,
  stopping: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  stopping.throwIfAborted();
  const cutting = new AbortController();
  const stop = () => cutting.abort(stopping.reason);
  stopping.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => cutting.abort(new TimedOut()), seconds * 1000);
  try {
    return await attempt(cutting.signal);
  } catch (error) {
    if (stopping.aborted) throw error;
    return failure(whyNoAnswer(error));
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  }
}
