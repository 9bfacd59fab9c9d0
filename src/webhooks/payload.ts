import type { Db } from '../platform/db/database.js';
import { adminUserJson } from '../users/json.js';
import { findById } from '../users/users.js';
import { type EventPayload, isWebhookEvent, sentDetail } from './events.js';
import type { DueDelivery } from './queue.js';

/**
 * What is sent of an event: nothing of it waits in the queue, so that the user is as now, and gone if it is gone.
 * @returns undefined if the event has been purged from the audit
 */
export async function payloadOf({ db }: { db: Db }, due: DueDelivery): Promise<EventPayload | undefined> {
  const { action, at, eventId, userId, actorId } = due;
  if (action === null || !isWebhookEvent(action)) return undefined;
  const user = userId === null ? null : await findById({ db }, userId);
  const detail = action.startsWith('api_key.') ? { ...due.detail, name: due.keyName } : due.detail;
  return {
    type: action,
    timestamp: at.toISOString(),
    data: {
      id: eventId,
      user_id: userId,
      actor_id: actorId,
      detail: sentDetail(action, detail),
      user: user && !user.pendingUntil ? adminUserJson(user) : null,
    },
  } as EventPayload;
}
