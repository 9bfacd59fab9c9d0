import { z } from 'zod';
import type { CommandDeps } from '../deps.js';
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
import { table, time } from '../platform/cli/text.js';
import { endAllSessions, endSession, endUserSessions, markedAtOnce } from '../sessions/end.js';
import { sessionJson } from '../sessions/json.js';
import { listLiveSessions } from '../sessions/list.js';
import { userNamed } from '../users/user-named.js';

export const sessionCommands: Command<CommandDeps>[] = [
  {
    name: 'sessions list',
    arguments: ['<username|id>'],
    summary: 'the live sessions of a user',
    run: list,
  },
  {
    name: 'sessions end',
    arguments: ['[session-id]'],
    options: {
      user: { type: 'string', value: '<username|id>', summary: 'every session of this user' },
      all: { type: 'boolean', summary: 'all sessions of all users, for example after a restored backup' },
      yes: { ...yes, summary: 'needed with --all' },
    },
    summary: 'end one session, all of a user, or all',
    run: end,
  },
];

async function list(deps: CommandDeps, args: Args): Promise<Result> {
  const { id } = await userNamed(deps, argument(args, 0));
  const sessions = await listLiveSessions(deps, id);
  const rows = sessions.map((one) => [
    one.id,
    time(one.createdAt),
    time(one.lastUsedAt),
    time(one.expiresAt),
    one.ip,
    one.userAgent,
  ]);
  const headings = ['ID', 'CREATED', 'LAST USED', 'EXPIRES', 'IP', 'USER AGENT'];
  return { json: { data: sessions.map(sessionJson) }, text: table(headings, rows, 'There are no live sessions.') };
}

async function end(deps: CommandDeps, args: Args): Promise<Result> {
  const [id, user, all] = [args.positionals[0], args.text('user'), args.flag('all')];
  if ([id, user, all || undefined].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('Name one of: a session by its id, --user <username|id>, --all.');
  if (id !== undefined) return endOne(deps, id);
  if (user !== undefined)
    return endedOfUser(await endUserSessions(deps, (await userNamed(deps, user)).id, 'ended_by_operator', {}));
  needYes(args, 'This ends every session of all users.');
  return ended(await endAllSessions(deps, {}));
}

async function endOne(deps: CommandDeps, id: string): Promise<Result> {
  if (!z.guid().safeParse(id).success)
    throw new UsageError('A session is named by its id, which "sessions list" shows.');
  const count = await endSession(deps, id, 'ended_by_operator', {});
  if (count === 0) throw new CommandError(`There is no live session ${id}.`);
  return ended(count);
}

/** All have ended, but they are not counted to the end. */
function endedOfUser(count: number): Result {
  if (count < markedAtOnce) return ended(count);
  return { json: { ended: count }, text: `All sessions of the user have ended: ${count} or more.` };
}

function ended(count: number): Result {
  return { json: { ended: count }, text: count === 1 ? '1 session has ended.' : `${count} sessions have ended.` };
}
