import { randomBytes } from 'node:crypto';
import type { CommandDeps } from '../deps.js';
import { checkNewPassword } from '../passwords/policy.js';
import { checked } from '../platform/cli/checked.js';
import {
  type Args,
  argument,
  type Command,
  CommandError,
  needYes,
  type Result,
  UsageError,
  yes,
} from '../platform/cli/command.js';
import { limit, typedLimit } from '../platform/cli/limit.js';
import { table, time } from '../platform/cli/text.js';
import { listMethods, type MethodList } from '../second-factor/list.js';
import { resetSecondFactor } from '../second-factor/reset.js';
import { emailSchema, objectionToDomain, usernameSchema } from '../users/fields.js';
import { adminUserJson } from '../users/json.js';
import { listUsers } from '../users/list.js';
import { typedRoles } from '../users/typed-roles.js';
import { userNamed } from '../users/user-named.js';
import { createServiceUser } from './create-service-user.js';
import { createUser } from './create-user.js';
import { formatUser, stateOf } from './format-user.js';
import { changeUser, deleteUser, type UserChange } from './user-changes.js';

/** No command sets or shows an existing user's password: only the user does, or a reset by mail. */
export const userCommands: Command<CommandDeps>[] = [
  {
    name: 'users create',
    arguments: ['<username>'],
    options: {
      email: { type: 'string', value: '<address>', summary: 'not verified yet' },
      role: { type: 'string', value: '<role>', multiple: true, summary: 'for example admin; repeat it for several' },
      'generate-password': { type: 'boolean', summary: 'make a password and print it once' },
      service: { type: 'boolean', summary: 'a user for a machine: it gets keys, no password and no e-mail' },
    },
    summary: 'create a user; asks for the password, or reads a line of standard input',
    readsPassword: (args) => !args.flag('generate-password') && !args.flag('service'),
    run: create,
  },
  {
    name: 'users list',
    arguments: [],
    options: {
      limit,
      after: { type: 'string', value: '<username>', summary: 'start after this one' },
    },
    summary: 'users by name',
    run: list,
  },
  {
    name: 'users show',
    arguments: ['<username|id>'],
    summary: 'one user',
    run: show,
  },
  {
    name: 'users roles',
    arguments: ['<username|id>', '[role…]'],
    options: { none: { type: 'boolean', summary: 'remove all roles' } },
    summary: 'set all roles of a user; tokens with other roles are refused at once',
    run: setAllRoles,
  },
  {
    name: 'users disable',
    arguments: ['<username|id>'],
    summary: 'end all sessions of a user and refuse new logins',
    run: (deps, args) => change(deps, args, { disabled: true }),
  },
  {
    name: 'users enable',
    arguments: ['<username|id>'],
    summary: 'let a disabled user log in again',
    run: (deps, args) => change(deps, args, { disabled: false }),
  },
  {
    name: 'users delete',
    arguments: ['<username|id>'],
    options: { yes },
    summary: 'delete a user with all data',
    run: remove,
  },
  {
    name: 'users reset-second-factor',
    arguments: ['<username|id>'],
    options: { yes },
    summary: 'remove all second factors of a user who lost them; end all sessions',
    run: resetFactors,
  },
];

async function create(deps: CommandDeps, args: Args): Promise<Result> {
  const username = checked(usernameSchema.safeParse(argument(args, 0)), 'The username');
  const typedEmail = args.text('email');
  const email = typedEmail === undefined ? null : checked(emailSchema.safeParse(typedEmail), 'The e-mail address');
  const typo = email === null ? undefined : objectionToDomain(email, deps.config.mail.localDomains);
  if (typo) throw new CommandError(`The e-mail address: ${typo}`);
  const roles = typedRoles(args.list('role'));
  if (args.flag('service')) return createService(deps, args, { username, roles });
  const generated = args.flag('generate-password') ? randomBytes(18).toString('base64url') : undefined;
  const password = generated ?? args.password ?? '';
  const objection = checkNewPassword(password, { username, email }, deps.config.passwords);
  if (objection) throw new CommandError(objection);
  const passwordHash = await deps.passwords.hash(password);
  const { json, text } = formatUser(await createUser(deps, { username, email, passwordHash, roles }, {}));
  if (generated === undefined) return { json, text };
  return {
    json: { ...json, generated_password: generated },
    text: `${text}\n\nThe password, shown this once: ${generated}`,
  };
}

async function createService(deps: CommandDeps, args: Args, user: { username: string; roles: string[] }) {
  if (args.text('email') !== undefined || args.flag('generate-password'))
    throw new UsageError('A service user has no e-mail and no password: leave --email and --generate-password out.');
  return formatUser(await createServiceUser(deps, user, {}, 'all'));
}

async function show(deps: CommandDeps, args: Args): Promise<Result> {
  const user = await userNamed(deps, argument(args, 0));
  const methods = await listMethods(deps, user.id);
  const { json, text } = formatUser(user, methods && methodsText(methods));
  return { json: { ...json, ...(methods && { sign_in_methods: methodsSummary(methods) }) }, text };
}

function methodsSummary({ password, second_factor, totp, passkeys, recovery_codes, identities }: MethodList) {
  return {
    password,
    second_factor,
    totp: totp.length,
    passkeys: passkeys.length,
    recovery_codes: recovery_codes?.left ?? 0,
    /** Their providers. */
    identities: identities.map(({ provider }) => provider),
  };
}

function methodsText(list: MethodList): { methods: string; 'second factor': string } {
  const { password, second_factor, ...counts } = methodsSummary(list);
  const counted = [
    [counts.totp, 'authenticator app'],
    [counts.passkeys, 'passkey'],
    [counts.recovery_codes, 'recovery code'],
  ] as const;
  const words = counted.flatMap(([count, word]) => (count === 0 ? [] : `${count} ${word}${count === 1 ? '' : 's'}`));
  return {
    methods: [...(password ? ['password'] : []), ...words, ...counts.identities].join(', ') || 'none',
    'second factor': second_factor,
  };
}

async function resetFactors(deps: CommandDeps, args: Args): Promise<Result> {
  const user = await userNamed(deps, argument(args, 0));
  needYes(args, `This removes all authenticator apps, passkeys and recovery codes of ${user.username}.`);
  await resetSecondFactor(deps, user.id, {});
  return {
    json: { id: user.id, username: user.username, second_factor: 'off' },
    text: `${user.username} has no second factor any more, and every session has ended.`,
  };
}

async function list(deps: CommandDeps, args: Args): Promise<Result> {
  const most = typedLimit(args);
  const found = await listUsers(deps, most + 1, args.text('after'));
  const users = found.slice(0, most);
  const more = found.length > users.length ? (users.at(-1)?.username ?? null) : null;
  const rows = users.map((user) => [
    user.username,
    user.id,
    user.kind,
    user.email,
    user.roles.join(' '),
    stateOf(user),
    time(user.lastLoginAt),
  ]);
  const text = table(['USERNAME', 'ID', 'KIND', 'E-MAIL', 'ROLES', 'STATE', 'LAST LOGIN'], rows, 'There are no users.');
  return {
    json: { data: users.map(adminUserJson), next_cursor: more },
    text: more === null ? text : `${text}\n\nThere are more: --after=${more}`,
  };
}

async function setAllRoles(deps: CommandDeps, args: Args): Promise<Result> {
  const roles = typedRoles(args.positionals.slice(1));
  if (args.flag('none') === roles.length > 0) throw new UsageError('Name the roles of the user, or --none.');
  return change(deps, args, { roles });
}

async function remove(deps: CommandDeps, args: Args): Promise<Result> {
  const user = await userNamed(deps, argument(args, 0));
  needYes(args, `This deletes ${user.username} with all sessions and all data.`);
  await deleteUser(deps, user.id, {}, 'all');
  return { json: { id: user.id, username: user.username, deleted: true }, text: `${user.username} is deleted.` };
}

async function change(deps: CommandDeps, args: Args, change: UserChange): Promise<Result> {
  const { id } = await userNamed(deps, argument(args, 0));
  await changeUser(deps, id, change, {}, 'all');
  return formatUser(await userNamed(deps, id));
}
