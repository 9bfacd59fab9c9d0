import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { pageQuerySchema, rolesSchema, textSchema } from '../platform/http/fields.js';
import { endUserSessions } from '../sessions/end.js';
import { adminUserOnTheWire, sessionsOnTheWire } from '../sessions/json.js';
import { listLiveSessions } from '../sessions/list.js';
import { searchUsers } from '../users/list.js';
import type { User } from '../users/users.js';
import { changeUser, deleteUser } from './user-changes.js';

export const listQuerySchema = pageQuerySchema.extend({
  q: textSchema(0, 254).optional().meta({ description: 'A part of the username or e-mail.' }),
});

// No password here, and no route that takes or shows one (ASVS 6.4.6).
export const updateSchema = z
  .strictObject({ roles: rolesSchema.optional(), disabled: z.boolean().optional() })
  .meta({ id: 'UpdateUserBody', example: { roles: ['editor'] } });

type AsAdmin<Body = undefined, Query = undefined> = Context<'access-token', Body, Query>;

/** All users, or those with `q` in their username or e-mail: the oldest first. */
export async function list({ deps, query }: AsAdmin<undefined, z.output<typeof listQuerySchema>>): Promise<Reply> {
  const { items, nextCursor } = await searchUsers(deps.db, query.q ?? '', query.limit, query.cursor);
  return { status: 200, body: { data: items.map(adminUserOnTheWire), next_cursor: nextCursor } };
}

export async function read({ deps, id }: AsAdmin): Promise<Reply> {
  return { status: 200, body: adminUserOnTheWire(await existing(deps, id)) };
}

/** Roles, disabling, or both in one transaction; the user's live tokens feel it at once. */
export async function update(context: AsAdmin<z.output<typeof updateSchema>>): Promise<Reply> {
  const { deps, id, body } = context;
  const user = await changeUser(deps, id, body, actorOf(context));
  if (!user) throw new AppError('not_found');
  return { status: 200, body: adminUserOnTheWire(user) };
}

export async function remove(context: AsAdmin): Promise<Reply> {
  if (!(await deleteUser(context.deps, context.id, actorOf(context)))) throw new AppError('not_found');
  return { status: 204, ...ownTokens(context) };
}

export async function sessions({ deps, principal, id }: AsAdmin): Promise<Reply> {
  await existing(deps, id);
  return { status: 200, body: sessionsOnTheWire(await listLiveSessions(deps, id), principal.sid) };
}

/** Ends every session of the user. */
export async function logout(context: AsAdmin): Promise<Reply> {
  const { deps, id } = context;
  await existing(deps, id);
  await endUserSessions(deps, id, 'ended_by_admin', actorOf(context));
  return { status: 204, ...ownTokens(context) };
}

/** A sign-up that waits for its e-mail is no user yet, here as in the list. */
async function existing({ db }: Pick<AsAdmin['deps'], 'db'>, id: string): Promise<User> {
  const user = await db.user.findUnique({ where: { id, pendingUntil: null } });
  if (!user) throw new AppError('not_found');
  return user;
}

function actorOf({ principal, caller }: Pick<AsAdmin, 'principal' | 'caller'>) {
  return { actorId: principal.sub, caller };
}

/** Admins may end their own sessions here, too. */
function ownTokens({ principal, id }: AsAdmin): Pick<Reply, 'clearTokens'> {
  return id === principal.sub ? { clearTokens: true } : {};
}
