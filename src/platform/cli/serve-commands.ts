import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import { type Answer, failure, type Line, lineSchema, success } from './answer.js';
import type { Command } from './command.js';
import { help } from './help.js';
import { parse } from './parse.js';

type ServerDeps = { config: object; database: Database; log: Logger };

/**
 * Lets the command line reach this process, which alone can open its embedded database. Only this user can open the
 * socket, and this user could read the database anyway.
 */
export function serveCommands<Deps extends ServerDeps>(deps: Deps, commands: Command<Deps>[]): void {
  deps.database.lock?.onCommand(async (request) => {
    const line = lineSchema.safeParse(request);
    return line.success
      ? await carryOut(deps, commands, line.data).catch(failure)
      : failure('This is not a command line.');
  });
}

async function carryOut<Deps extends ServerDeps>(
  deps: Deps,
  commands: Command<Deps>[],
  { argv, password }: Line,
): Promise<Answer> {
  const parsed = parse(argv, commands);
  if ('help' in parsed) return success({ ...help(parsed.help, commands), exitCode: parsed.exitCode ?? 0 }, parsed.json);
  deps.log.info({ command: parsed.command.name }, 'a command of the operator');
  return success(await parsed.command.run(deps, { ...parsed.args, password }), parsed.json);
}
