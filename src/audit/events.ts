import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';

/** What is recorded. Clients see these names in `GET /admin/audit`. */
export const auditActions = [
  'user.created',
  'login.succeeded',
  'login.failed',
  'session.ended',
  'refresh.reused',
  'refresh.grace',
  'refresh.ahead',
  'password.changed',
  'password.refused',
  'password.reset',
  'login.challenged',
  'second_factor.failed',
  'second_factor.changed',
  'second_factor.reset',
  'totp.added',
  'totp.removed',
  'passkey.added',
  'passkey.removed',
  'passkey.suspect',
  'recovery_codes.created',
  'recovery_code.used',
  'device.trusted',
  'device.forgotten',
  'reauthenticated',
  'identity.linked',
  'identity.unlinked',
  'password.removed',
  'username.changed',
  'email.changed',
  'email.verified',
  'roles.changed',
  'user.disabled',
  'user.enabled',
  'user.deleted',
  'api_key.created',
  'api_key.revoked',
  'invitation.created',
  'invitation.accepted',
  'invitation.ended',
  'webhook.created',
  'webhook.changed',
  'webhook.deleted',
  'webhook.disabled',
  'webhook.ping',
  'webhook.retried',
  'webhook.replayed',
  'key.rotated',
  'key.revoked',
] as const;

export type AuditAction = (typeof auditActions)[number];

/** What each action means. `npm run docs` writes docs/reference/audit-actions.md from it. */
export const auditMeanings: Record<AuditAction, string> = {
  'user.created':
    'A user was created: by sign-up, by import, by an operator or by the settings. `detail` has the `kind` of a service user, and the `roles` that an operator, an administrator or the settings gave.',
  'login.succeeded':
    'A user logged in. `detail` has the `session_id`, `amr` and `acr`, and the `provider` if one vouched for the user.',
  'login.failed': 'A login was refused. `detail` has the `reason` and the `count` within five minutes.',
  'session.ended':
    'Sessions ended. `detail` has the `reason` and the ids of the `sessions`, or their count above 100 (1,000: that many or more).',
  'refresh.reused':
    'A refresh token was used again after the grace: treated as theft, so the session ended. `detail` has the `session_id`.',
  'refresh.grace': 'A refresh token was used again within the grace. `detail` has the `count` within five minutes.',
  'refresh.ahead': 'A genuine refresh token was newer than the database, as after a restored backup. It was accepted.',
  'password.changed': 'A user set a new password and knew the old one.',
  'password.refused':
    'A signed-in user gave a wrong password, to change it or the e-mail, or to delete the user. `detail` has the `session_id` and the `count` within five minutes.',
  'password.reset': 'A user set a new password by a mailed link.',
  'login.challenged': 'The first factor of a login was right, and a second one was asked for.',
  'second_factor.failed': 'A second factor was refused. `detail` has the `count` within five minutes.',
  'second_factor.changed': 'A user turned the second factor on or off. `detail` has `to`: `off`, `any` or `passkey`.',
  'second_factor.reset': 'An administrator or operator removed all second factors of a user; all sessions ended.',
  'totp.added': 'A user confirmed an authenticator app. `detail` has its `id`.',
  'totp.removed': 'A user removed an authenticator app. `detail` has its `id`.',
  'passkey.added': 'A user added a passkey. `detail` has its `id`.',
  'passkey.removed': 'A user removed a passkey. `detail` has its `id`.',
  'passkey.suspect':
    'The counter of a passkey that is bound to its device did not go up: it may have been copied. `detail` has its `id`.',
  'recovery_codes.created': 'A user made new recovery codes; the former ones are void.',
  'recovery_code.used': 'A recovery code took the place of a second factor. `detail` has how many are `left`.',
  'device.trusted': 'A user chose not to be asked for the second factor on a device.',
  'device.forgotten': 'A user forgot all trusted devices.',
  reauthenticated: 'A user proved again who they are. `detail` has the `session_id`, `amr` and `acr`.',
  'identity.linked': 'A user may sign in by a provider. `detail` has the `id` of the identity and the `provider`.',
  'identity.unlinked':
    'A user signs in by a provider no more; the sessions that it began have ended. `detail` has the `id` and the `provider`.',
  'password.removed': 'A user removed the password.',
  'username.changed': 'A user chose another username.',
  'email.changed': 'A user opened the link that was mailed to a new address; it replaced the old one.',
  'email.verified': 'A user proved by a mailed link that the address is theirs.',
  'roles.changed': 'The roles of a user changed. `detail` has the new `roles`.',
  'user.disabled': 'A user was disabled; all sessions ended.',
  'user.enabled': 'A disabled user may log in again.',
  'user.deleted': 'A user was deleted with all data.',
  'api_key.created':
    'An API key was made. `detail` has the `api_key_id` and its `scopes`, and `by_api_key_id` if another key made it.',
  'api_key.revoked':
    'An API key was ended. `detail` has the `api_key_id`, and `by_api_key_id` if another key ended it.',
  'invitation.created': 'Someone was invited. `detail` has the `invitation_id` and the `roles`.',
  'invitation.accepted': 'An invited person signed up. `detail` has the `invitation_id`.',
  'invitation.ended': 'An invitation was ended before it was accepted. `detail` has the `invitation_id`.',
  'webhook.created': 'A webhook was made. `detail` has the `webhook_id`.',
  'webhook.changed':
    'A webhook was changed. `detail` has the `webhook_id` and what was `changed`: `url`, `events`, `description`, `enabled`, `secret`.',
  'webhook.deleted': 'A webhook was deleted. `detail` has the `webhook_id`.',
  'webhook.disabled':
    'A webhook was disabled. `detail` has the `webhook_id` and the `reason`: `manual`, or why the server did it: `gone`, `failing`.',
  'webhook.ping': 'A test event was sent to a webhook. `detail` has the `webhook_id`.',
  'webhook.retried': 'An event was sent to a webhook again. `detail` has the `webhook_id` and the `event_id`.',
  'webhook.replayed':
    'The events of a time were sent to a webhook again. `detail` has the `webhook_id`, `since`, `until` and the `events`, if only some were.',
  'key.rotated': 'The next signing key took over. `detail` has its `kid`.',
  'key.revoked': 'A signing key was revoked: what it had signed is refused. `detail` has its `kid`.',
};

/** Who did it and from where; both missing for the server and its operator. */
export type Actor = {
  actorId?: string | undefined;
  caller?: Caller | undefined;
  /** The key by which the actor acted. */
  apiKeyId?: string;
};

/**
 * An INSERT of one event, for the statement or transaction of what it records.
 * @param detail our own ids, numbers and words: never a name, user input or a secret
 */
export function auditEvent(
  action: AuditAction,
  userId: string | Prisma.Sql | null,
  actor: Actor,
  detail: Record<string, unknown> | Prisma.Sql = {},
  from: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  const user = userId === null || typeof userId === 'string' ? Prisma.sql`${userId}` : userId;
  const facts = detail instanceof Prisma.Sql ? detail : Prisma.sql`${JSON.stringify(detail)}`;
  const { actorId, caller } = actor;
  const key = keyOf(actor, detail);
  const byKey = key === undefined ? Prisma.empty : Prisma.sql` || ${JSON.stringify(key)}::jsonb`;
  return Prisma.sql`
    INSERT INTO audit_event (id, action, user_id, actor_id, ip, user_agent, detail)
    SELECT ${uuidv7()}::uuid, ${action}, ${user}::uuid, ${actorId ?? null}::uuid, ${caller?.address ?? null},
      ${caller?.userAgent ?? null}, ${facts}::jsonb${byKey} ${from}`;
}

/** By which key it was done. An event about a key has the id of that one already: who acted must not hide it. */
function keyOf({ apiKeyId }: Actor, detail: Record<string, unknown> | Prisma.Sql): object | undefined {
  const about = detail instanceof Prisma.Sql ? undefined : detail.api_key_id;
  if (apiKeyId === undefined || about === apiKeyId) return undefined;
  return about === undefined ? { api_key_id: apiKeyId } : { by_api_key_id: apiKeyId };
}
