import { z } from 'zod';
import type { CommandDeps } from '../deps.js';
import { type Args, argument, type Command, CommandError, type Result, UsageError } from '../platform/cli/command.js';
import { table, time } from '../platform/cli/text.js';
import { duration } from '../platform/settings/kinds.js';
import { userNamed } from '../users/user-named.js';
import { endApiKey } from './end.js';
import { apiKeyJson } from './json.js';
import { listLiveKeys } from './list.js';
import { makeApiKey, requireServiceUser } from './make.js';
import { newKeyFields, wantedKey } from './new-key-fields.js';

export const apiKeyCommands: Command<CommandDeps>[] = [
  {
    name: 'api-keys list',
    arguments: ['<username|id>'],
    summary: 'the live API keys of a user',
    run: list,
  },
  {
    name: 'api-keys create',
    arguments: ['<username|id>'],
    options: {
      scope: { type: 'string', value: '<permission>', multiple: true, summary: 'repeat it for several' },
      name: { type: 'string', value: '<name>', summary: 'what it is for; by default "operator"' },
      'expires-in': { type: 'string', value: '<time>', summary: 'such as 30d; by default API_KEY_TTL; or never' },
    },
    summary: 'make an API key of a service user and print it once',
    run: create,
  },
  {
    name: 'api-keys revoke',
    arguments: ['<key-id>'],
    summary: 'end an API key at once',
    run: revoke,
  },
];

async function list(deps: CommandDeps, args: Args): Promise<Result> {
  const { id } = await userNamed(deps, argument(args, 0));
  const keys = await listLiveKeys(deps, id);
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.start,
    key.scopes.join(' '),
    time(key.createdAt),
    time(key.expiresAt),
    time(key.lastUsedAt),
  ]);
  const headings = ['ID', 'NAME', 'START', 'SCOPES', 'CREATED', 'EXPIRES', 'LAST USED'];
  return { json: { data: keys.map(apiKeyJson) }, text: table(headings, rows, 'There are no live API keys.') };
}

async function create(deps: CommandDeps, args: Args): Promise<Result> {
  const typed = z.strictObject(newKeyFields).safeParse({
    name: args.text('name') ?? 'operator',
    scopes: args.list('scope'),
    expires_in: secondsOf(args.text('expires-in')),
  });
  if (!typed.success) throw new UsageError(typed.error.issues.map(objection).join('\n'));
  const owner = await userNamed(deps, argument(args, 0));
  const wanted = wantedKey(typed.data, deps.config.apiKeys);
  const { key, ...made } = await makeApiKey(deps, owner.id, wanted, { actor: {}, rights: 'all' }, requireServiceUser);
  return {
    json: { ...apiKeyJson(made), key },
    text: `${made.id} of ${owner.username}, good until ${time(made.expiresAt) ?? 'it is ended'}\n\nThe key, shown this once: ${key}`,
  };
}

function secondsOf(text: string | undefined): number | null | undefined {
  if (text === undefined || text === 'never') return text && null;
  const seconds = duration('90d').safeParse(text);
  if (!seconds.success) throw new UsageError('--expires-in takes a time such as 12h or 30d, or never.');
  return seconds.data;
}

function objection({ path: [field], message }: { path: PropertyKey[]; message: string }): string {
  return `--${field === 'scopes' ? 'scope' : String(field)}: ${message}`;
}

async function revoke(deps: CommandDeps, args: Args): Promise<Result> {
  const id = argument(args, 0);
  if (!z.guid().safeParse(id).success)
    throw new UsageError('An API key is named by its id, which "api-keys list" shows.');
  if (!(await endApiKey(deps, { id }, {}))) throw new CommandError(`There is no live API key ${id}.`);
  return { json: { id, revoked: true }, text: 'The API key has ended.' };
}
