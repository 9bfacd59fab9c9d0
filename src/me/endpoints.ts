import { z } from 'zod';
import { deleteUser } from '../admin/user-changes.js';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof, requireStillProven } from '../passwords/proof.js';
import { clearedTokens } from '../sessions/cookies.js';
import { emailSchema, requireKnownDomain, usernameSchema } from '../users/fields.js';
import { userJson, userSchema } from '../users/json.js';
import { findById } from '../users/users.js';
import { changeProfile } from './profile.js';

export const show = endpoint({
  name: 'getMe',
  summary: 'Get your user',
  statements: 1,
  reply: [200, userSchema],
  returns: 'Your user.',
  async handler({ deps, principal }) {
    const user = await findById(deps, principal.sub);
    // The user was deleted a moment ago, so the session has ended.
    if (!user) throw new AppError('session_revoked');
    return { body: userJson(user) };
  },
});

const updateSchema = z
  .strictObject({
    username: usernameSchema.optional(),
    email: emailSchema.optional(),
    password: z.string().min(1).optional().meta({ description: 'Needed to change the e-mail, where there is one.' }),
  })
  .meta({ id: 'UpdateMeBody', example: { email: 'ada@example.org', password: 'nine geese over a quiet lake' } })
  .default({});

/** A change of e-mail needs a proof (ASVS 7.5.1). The response shows the old address until the link is opened. */
export const update = endpoint({
  name: 'updateMe',
  summary: 'Change your username or e-mail',
  statements: 15,
  body: updateSchema,
  reply: [200, userSchema],
  returns: 'Your user as it is now. A new e-mail is in it once its link has been opened.',
  errors: ['username_taken', 'invalid_credentials', 'insufficient_user_authentication', 'overloaded'],
  async handler(context) {
    const { deps, principal, body, caller } = context;
    if (body.email !== undefined) requireKnownDomain(body.email, deps.config.mail.localDomains);
    const email =
      body.email === undefined
        ? undefined
        : { address: body.email, proven: await requireProof(context, body.password, { always: true }) };
    const user = await changeProfile(deps, principal.sub, { username: body.username, email }, caller);
    if (!user) throw new AppError('session_revoked');
    return { body: userJson(user) };
  },
});

const deleteSchema = z
  .strictObject({ password: z.string().min(1).optional().meta({ description: 'Needed where there is one.' }) })
  .meta({ id: 'DeleteMeBody', example: { password: 'nine geese over a quiet lake' } })
  .default({});

export const remove = endpoint({
  name: 'deleteMe',
  summary: 'Delete your user with all data',
  statements: 14,
  body: deleteSchema,
  reply: [204],
  returns: 'Your user and all sessions are gone, and the cookies are cleared.',
  headers: ['Set-Cookie'],
  errors: ['invalid_credentials', 'insufficient_user_authentication', 'last_admin', 'overloaded'],
  async handler(context) {
    const { deps, principal, body, caller } = context;
    const proven = await requireProof(context, body.password, { always: true });
    const actor = { actorId: principal.sub, caller };
    await deleteUser(deps, principal.sub, actor, 'all', (user) => requireStillProven(user, proven));
    return { cookies: clearedTokens(deps.config.cookies) };
  },
});
