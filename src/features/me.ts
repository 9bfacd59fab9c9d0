import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';
import { userOnTheWire } from '../wire.js';

export async function handler({ deps, principal }: Context<'access-token'>): Promise<Reply> {
  const user = await deps.db.user.findUnique({ where: { id: principal.sub } });
  // Deleted a moment ago: the session has ended with the user.
  if (!user) throw new AppError('session_revoked');
  return { status: 200, body: userOnTheWire(user) };
}
