import { CommandError } from '../platform/cli/command.js';
import { time } from '../platform/cli/text.js';
import type { Db } from '../platform/db/database.js';
import { findUser } from './list.js';
import type { User } from './users.js';

/** Finds the user that an argument names. @throws CommandError if there is none */
export async function userNamed(deps: { db: Db }, reference: string): Promise<User> {
  const user = await findUser(deps, reference);
  if (!user) throw new CommandError(`There is no user ${JSON.stringify(reference)}.`);
  // A pending sign-up holds the name, which may be why the operator looks; but it cannot be changed.
  if (user.pendingUntil)
    throw new CommandError(
      `There is no user ${JSON.stringify(reference)} yet: an unconfirmed sign-up holds the name until ${time(user.pendingUntil)}, unless its e-mail is confirmed before.`,
    );
  return user;
}
