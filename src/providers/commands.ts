import type { CommandDeps } from '../deps.js';
import { argument, type Command, CommandError } from '../platform/cli/command.js';
import { userNamed } from '../users/user-named.js';
import { unlinkProvider } from './unlink-provider.js';

export const providerCommands: Command<CommandDeps>[] = [
  {
    name: 'users unlink',
    arguments: ['<username|id>', '<provider>'],
    options: { yes: { type: 'boolean', summary: 'not needed: the user can link it again' } },
    summary: 'unlink a provider from a user; end the sessions that it began',
    async run(deps, args) {
      const { id, username } = await userNamed(deps, argument(args, 0));
      const provider = argument(args, 1);
      const { unlinked, ended } = await unlinkProvider(deps, id, provider);
      if (unlinked === 0) throw new CommandError(`${username} has no identity of ${JSON.stringify(provider)}.`);
      return {
        json: { id, username, provider, unlinked, sessions_ended: ended },
        text: `${provider} is unlinked from ${username}. Sessions that it began, and that ended now: ${ended}.`,
      };
    },
  },
];
