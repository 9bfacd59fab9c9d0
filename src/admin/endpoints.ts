import { z } from 'zod';
import { type Context, endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof } from '../passwords/proof.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { textSchema } from '../platform/http/fields.js';
import { pageJson, pageQuerySchema, pageSchema } from '../platform/http/paging.js';
import { adminMethodsJson, adminMethodsSchema } from '../second-factor/json.js';
import { listMethods } from '../second-factor/list.js';
import { proofSchema } from '../second-factor/proof-body.js';
import { resetSecondFactor } from '../second-factor/reset.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { actorOf } from '../sessions/actor.js';
import { clearedTokens } from '../sessions/cookies.js';
import { sessionListSchema, sessionsJson } from '../sessions/json.js';
import { listLiveSessions } from '../sessions/list.js';
import { rolesSchema, usernameSchema } from '../users/fields.js';
import { adminUserJson, adminUserSchema } from '../users/json.js';
import { searchUsers } from '../users/list.js';
import type { User } from '../users/users.js';
import { createServiceUser } from './create-service-user.js';
import { permissionsOfUser, requireRights, usersWrite } from './rights.js';
import { changeUser, deleteUser, logOutUser } from './user-changes.js';

export const list = endpoint({
  name: 'listUsers',
  summary: 'List or search users',
  statements: 1,
  query: pageQuerySchema.extend({
    q: textSchema(0, 254).optional().meta({ description: 'A part of the username or e-mail.' }),
    kind: z.enum(['person', 'service']).optional().meta({ description: 'Only persons, or only service users.' }),
  }),
  reply: [200, pageSchema(adminUserSchema)],
  returns:
    'A page of users, oldest first, and where the next one begins. Sign-ups that wait for their e-mail are not among them.',
  async handler({ deps, query }) {
    return { body: pageJson(await searchUsers(deps.db, { ...query, text: query.q ?? '' }), adminUserJson) };
  },
});

const createSchema = z
  .strictObject({
    kind: z.literal('service', {
      error: 'Only service users are made here. Invite a person: POST /admin/invitations.',
    }),
    username: usernameSchema,
    roles: rolesSchema.default([]),
  })
  .meta({ id: 'CreateServiceUserBody', example: { kind: 'service', username: 'nightly-report', roles: ['editor'] } });

export const create = endpoint({
  name: 'createServiceUser',
  summary: 'Make a service user',
  statements: 3,
  body: createSchema,
  reply: [201, adminUserSchema],
  returns: 'The new service user: a machine, which has roles and keys, and no e-mail, no password and no sessions.',
  errors: ['forbidden', 'username_taken'],
  async handler(context) {
    const { deps, body, principal } = context;
    return { body: adminUserJson(await createServiceUser(deps, body, actorOf(context), principal.permissions)) };
  },
});

export const read = endpoint({
  name: 'getUser',
  summary: 'Get a user',
  statements: 1,
  reply: [200, adminUserSchema],
  returns: 'The user.',
  errors: ['not_found'],
  handler: async ({ deps, id }) => ({ body: adminUserJson(await existing(deps, id)) }),
});

// No password here, and no route that sets or shows one (ASVS 6.4.6).
const updateSchema = z
  .strictObject({ roles: rolesSchema.optional(), disabled: z.boolean().optional() })
  .meta({ id: 'UpdateUserBody', example: { roles: ['editor'] } });

export const update = endpoint({
  name: 'updateUser',
  summary: 'Change a user’s roles, disable or enable them',
  statements: 12,
  body: updateSchema,
  reply: [200, adminUserSchema],
  returns: 'The user as it is now. The change is in force for live tokens, too.',
  errors: ['forbidden', 'not_found', 'last_admin', 'overloaded'],
  async handler(context) {
    const { deps, id, body } = context;
    const user = await changeUser(deps, id, body, actorOf(context), context.principal.permissions);
    if (!user) throw new AppError('not_found');
    return { body: adminUserJson(user) };
  },
});

export const remove = endpoint({
  name: 'deleteUser',
  summary: 'Delete a user with all data',
  statements: 14,
  reply: [204],
  returns: 'The user is out of reach, and the name is free.',
  headers: ['Set-Cookie'],
  errors: ['forbidden', 'not_found', 'last_admin', 'overloaded'],
  async handler(context) {
    const { deps, id, principal } = context;
    if (!(await deleteUser(deps, id, actorOf(context), principal.permissions))) throw new AppError('not_found');
    return ownTokens(context);
  },
});

export const sessions = endpoint({
  name: 'listUserSessions',
  summary: 'List the sessions of a user',
  statements: 2,
  reply: [200, sessionListSchema],
  returns: 'The live sessions of the user, last used first.',
  errors: ['not_found'],
  async handler({ deps, principal, id }) {
    await existing(deps, id);
    return { body: sessionsJson(await listLiveSessions(deps, id), principal.sid) };
  },
});

export const logOut = endpoint({
  name: 'logOutUser',
  summary: 'End all sessions of a user',
  statements: 5,
  reply: [204],
  returns: 'Every session of the user has ended.',
  headers: ['Set-Cookie'],
  errors: ['forbidden', 'not_found'],
  async handler(context) {
    const { deps, id, principal } = context;
    if (!(await logOutUser(deps, id, actorOf(context), principal.permissions))) throw new AppError('not_found');
    return ownTokens(context);
  },
});

export const signInMethods = endpoint({
  name: 'listUserSignInMethods',
  summary: 'List the sign-in methods of a user',
  statements: 1,
  reply: [200, adminMethodsSchema],
  returns: 'What the user can sign in with.',
  errors: ['not_found'],
  async handler({ deps, id }) {
    const list = await listMethods(deps, id);
    if (!list) throw new AppError('not_found');
    return { body: adminMethodsJson(list, deps.config) };
  },
});

/** For users who have lost theirs. The administrator must make sure who asks (ASVS 6.4.4). */
export const removeSecondFactors = endpoint({
  name: 'removeUserSecondFactors',
  summary: 'Remove all second factors of a user',
  statements: 9,
  body: proofSchema,
  reply: [204],
  returns: 'The user signs in by password alone, and every session of theirs has ended. They are told by mail.',
  headers: ['Set-Cookie'],
  errors: [
    'forbidden',
    'insufficient_user_authentication',
    'invalid_credentials',
    'not_found',
    'last_sign_in_method',
    'overloaded',
  ],
  async handler(context) {
    await requireProof(context, context.body.password);
    const { deps, id, principal } = context;
    const actor = actorOf(context);
    const mayAct = (tx: Transaction, user: User) =>
      requireRights(tx, actor, principal.permissions, [usersWrite, ...permissionsOfUser(user)]);
    if (!(await resetSecondFactor(deps, id, actor, mayAct))) throw new AppError('not_found');
    return ownTokens(context);
  },
});

type AdminContext = Pick<Context<AccessClaims>, 'deps' | 'principal' | 'caller' | 'id'>;

/** @throws AppError not_found */
export async function existing({ db }: { db: Db }, id: string): Promise<User> {
  const user = await db.user.findUnique({ where: { id, pendingUntil: null, deletedAt: null } });
  if (!user) throw new AppError('not_found');
  return user;
}

/** An admin who acts on their own user loses their cookies too. */
function ownTokens({ deps, principal, id }: AdminContext) {
  return id === principal.sub ? { cookies: clearedTokens(deps.config.cookies) } : {};
}
