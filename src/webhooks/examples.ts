import { adminUserExample } from '../users/json.js';
import type { EventPayload, WebhookEvent } from './events.js';

const id = '01a203c0-5b9e-7a11-8f60-2d4c7e9a1b83';
const sessionId = '01a203a0-2f4b-7c62-9d0e-5a1b7c3e8f24';
const key = { api_key_id: '01a203b2-8e6d-7f35-a14c-9b2d6e0f7c51', name: 'Nightly backup' };
const invitation = { invitation_id: '01a203b7-4c1a-7e09-b83d-6f5e2a9c0d17' };

const exampleDetails: { [Event in WebhookEvent]?: EventPayload<Event>['data']['detail'] } = {
  'roles.changed': { roles: adminUserExample.roles },
  'login.succeeded': { session_id: sessionId },
  'session.ended': { reason: 'logout', sessions: [sessionId] },
  'refresh.reused': { session_id: sessionId },
  'api_key.created': key,
  'api_key.revoked': key,
  'invitation.created': invitation,
  'invitation.accepted': invitation,
};

/** Events of no user, and of one who is gone, have none. */
const withoutUser: WebhookEvent[] = ['user.deleted', 'invitation.created', 'webhook.ping'];

/** A body as a receiver gets it, for the contract. */
export function exampleOf(event: WebhookEvent) {
  const isOfUser = event !== 'invitation.created' && event !== 'webhook.ping';
  return {
    type: event,
    timestamp: '2026-11-22T14:40:11.020Z',
    data: {
      id,
      user_id: isOfUser ? adminUserExample.id : null,
      actor_id: adminUserExample.id,
      detail: exampleDetails[event] ?? {},
      user: withoutUser.includes(event) ? null : adminUserExample,
    },
  };
}
