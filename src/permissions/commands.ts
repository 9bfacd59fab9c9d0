import type { CommandDeps } from '../deps.js';
import type { Command, Result } from '../platform/cli/command.js';
import { table } from '../platform/cli/text.js';
import { permissions, roles } from './permissions.js';

export const roleCommands: Command<CommandDeps>[] = [
  {
    name: 'roles list',
    arguments: [],
    summary: 'the roles and what each one lets its holder do',
    run: list,
  },
];

async function list(): Promise<Result> {
  const byRole = table(
    ['ROLE', 'PERMISSIONS', 'DESCRIPTION'],
    roles.map(({ name, description, permissions: given }) => [name, given.join(' '), description]),
    'There are no roles.',
  );
  const byPermission = table(
    ['PERMISSION', 'DESCRIPTION'],
    permissions.map(({ name, description }) => [name, description]),
    'There are no permissions.',
  );
  return { json: { roles, permissions }, text: `${byRole}\n\n${byPermission}` };
}
