import { z } from 'zod';
import type { CommandDeps } from '../deps.js';
import { checked } from '../platform/cli/checked.js';
import { type Args, argument, type Command, CommandError, type Result, UsageError } from '../platform/cli/command.js';
import { limit, typedLimit } from '../platform/cli/limit.js';
import { fields, table, time } from '../platform/cli/text.js';
import { emailSchema, objectionToDomain } from '../users/fields.js';
import { typedRoles } from '../users/typed-roles.js';
import { endInvitation, listInvitations } from './invitations.js';
import { invite } from './invite.js';
import { invitationJson } from './json.js';

export const invitationCommands: Command<CommandDeps>[] = [
  {
    name: 'invitations create',
    arguments: ['<address>'],
    options: {
      role: { type: 'string', value: '<role>', multiple: true, summary: 'for example editor; repeat it for several' },
    },
    summary: 'invite a person by mail, also where sign-up is closed',
    run: create,
  },
  {
    name: 'invitations list',
    arguments: [],
    options: {
      limit,
      after: { type: 'string', value: '<id>', summary: 'start after this one' },
    },
    summary: 'the invitations that wait, oldest first',
    run: list,
  },
  {
    name: 'invitations end',
    arguments: ['<id>'],
    summary: 'end an invitation: its link works no more',
    run: end,
  },
];

async function create(deps: CommandDeps, args: Args): Promise<Result> {
  const email = checked(emailSchema.safeParse(argument(args, 0)), 'The e-mail address');
  const typo = objectionToDomain(email, deps.config.mail.localDomains);
  if (typo) throw new CommandError(`The e-mail address: ${typo}`);
  const roles = typedRoles(args.list('role'));
  const invitation = await invite(deps, { email, roles }, {}, 'all');
  const { id, expiresAt } = invitation;
  const text = fields({ 'e-mail': email, id, roles: invitation.roles.join(' '), expires: time(expiresAt) });
  return { json: invitationJson(invitation), text: `${text}\n\nThe server mails the link.` };
}

async function list(deps: CommandDeps, args: Args): Promise<Result> {
  const after = args.text('after');
  const { items, nextCursor } = await listInvitations(deps, typedLimit(args), after && checkedId(after));
  const rows = items.map((one) => [
    one.email,
    one.id,
    one.roles.join(' '),
    one.invitedBy ?? 'the operator',
    time(one.createdAt),
    time(one.expiresAt),
  ]);
  const headings = ['E-MAIL', 'ID', 'ROLES', 'INVITED BY', 'CREATED', 'EXPIRES'];
  const text = table(headings, rows, 'No invitation waits.');
  return {
    json: { data: items.map(invitationJson), next_cursor: nextCursor },
    text: nextCursor === null ? text : `${text}\n\nThere are more: --after=${nextCursor}`,
  };
}

async function end(deps: CommandDeps, args: Args): Promise<Result> {
  const id = checkedId(argument(args, 0));
  if (!(await endInvitation(deps, id, {}))) throw new CommandError(`No invitation ${id} waits.`);
  return { json: { id, ended: true }, text: 'The invitation has ended.' };
}

function checkedId(typed: string): string {
  if (z.guid().safeParse(typed).success) return typed;
  throw new UsageError('An invitation is named by its id, which "invitations list" shows.');
}
