import { z } from 'zod';
import { endpoint, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { formPage } from '../platform/http/page.js';
import { pageJson, pageQuerySchema, pageSchema } from '../platform/http/paging.js';
import { actorOf } from '../sessions/actor.js';
import { emailSchema, requireKnownDomain, rolesSchema } from '../users/fields.js';
import { endInvitation, listInvitations } from './invitations.js';
import { invite } from './invite.js';
import { invitationJson, invitationSchema } from './json.js';

const inviteSchema = z
  .strictObject({ email: emailSchema, roles: rolesSchema.default([]) })
  .meta({ id: 'InviteBody', example: { email: 'ada@example.com', roles: ['editor'] } });

export const create = endpoint({
  name: 'inviteUser',
  summary: 'Invite a person by mail',
  statements: 6,
  body: inviteSchema,
  reply: [201, invitationSchema],
  returns: 'The invitation; a mail with its link is on its way. An older one to the same address has ended.',
  errors: ['forbidden', 'email_taken'],
  async handler(context) {
    const { deps, body, principal } = context;
    requireKnownDomain(body.email, deps.config.mail.localDomains);
    const made = await invite(deps, body, actorOf(context), principal.permissions);
    return { body: invitationJson(made) };
  },
});

export const list = endpoint({
  name: 'listInvitations',
  summary: 'List the invitations that wait',
  statements: 1,
  query: pageQuerySchema,
  reply: [200, pageSchema(invitationSchema)],
  returns: 'A page of invitations, oldest first, and where the next one begins.',
  async handler({ deps, query }) {
    return { body: pageJson(await listInvitations(deps, query.limit, query.cursor), invitationJson) };
  },
});

export const end = endpoint({
  name: 'endInvitation',
  summary: 'End an invitation',
  statements: 1,
  reply: [204],
  returns: 'Its link works no more.',
  errors: ['not_found'],
  async handler(context) {
    const { deps, id } = context;
    if (!(await endInvitation(deps, id, actorOf(context)))) throw new AppError('not_found');
    return {};
  },
});

export const acceptPage = openEndpoint({
  name: 'showAcceptInvitationPage',
  summary: 'The page behind the link in an invitation',
  statements: 0,
  reply: [200, 'text/html'],
  returns: 'A page whose button makes the account. It does not use up the token.',
  handler: () =>
    formPage('Accept the invitation', {
      form: `<label>Username <input name="username" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="new-password" required></label>
<button>Make the account</button>`,
      target: 'auth/signup',
      field: 'invitation',
      done: 'Your account is made. Log in with the username and password that you chose.',
    }),
});
