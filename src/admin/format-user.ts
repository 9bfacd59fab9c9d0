import { fields, time } from '../platform/cli/text.js';
import { adminUserJson } from '../users/json.js';
import type { User } from '../users/users.js';

/** @param more what else is shown of the user */
export function formatUser(
  user: User,
  more: Record<string, string> = {},
): { json: ReturnType<typeof adminUserJson>; text: string } {
  const text = fields({
    username: user.username,
    id: user.id,
    kind: user.kind,
    'e-mail': user.email && `${user.email}${user.emailVerifiedAt ? '' : ' (not verified)'}`,
    roles: user.roles.join(' '),
    state: stateOf(user),
    created: time(user.createdAt),
    'last login': time(user.lastLoginAt),
    ...more,
  });
  return { json: adminUserJson(user), text };
}

export function stateOf({ disabledAt }: User): string {
  return disabledAt ? 'disabled' : 'enabled';
}
