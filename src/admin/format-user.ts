import type { CommandDeps } from '../deps.js';
import { CommandError } from '../platform/cli/command.js';
import { fields, time } from '../platform/cli/text.js';
import { adminUserJson } from '../users/json.js';
import { findUser } from '../users/list.js';
import type { User } from '../users/users.js';

/** Finds the user that an argument names. @throws CommandError if there is none */
export async function userNamed(deps: CommandDeps, reference: string): Promise<User> {
  const user = await findUser(deps, reference);
  if (!user) throw new CommandError(`There is no user ${JSON.stringify(reference)}.`);
  // A pending sign-up holds the name, which may be why the operator looks; but it cannot be changed.
  if (user.pendingUntil)
    throw new CommandError(
      `There is no user ${JSON.stringify(reference)} yet: an unconfirmed sign-up holds the name until ${time(user.pendingUntil)}, unless its e-mail is confirmed before.`,
    );
  return user;
}

/** @param more what else is shown of the user */
export function formatUser(
  user: User,
  more: Record<string, string> = {},
): { json: ReturnType<typeof adminUserJson>; text: string } {
  const text = fields({
    username: user.username,
    id: user.id,
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
