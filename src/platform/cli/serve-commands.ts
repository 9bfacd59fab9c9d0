import type { Deps } from '../../deps.js';
import { type Answer, failed, type Line, lineSchema, said } from './answer.js';
import { help } from './help.js';
import { parse } from './parse.js';

/**
 * Lets the operator's command line reach this process, where it holds an embedded database that nobody else can open.
 * The socket is its user's alone, and whoever is that user could read the database as well.
 */
export function takeCommands(deps: Deps): void {
  deps.database.hold?.onCommand(async (request) => {
    const line = lineSchema.safeParse(request);
    return line.success ? await carryOut(deps, line.data).catch(failed) : failed('That is no command line.');
  });
}

async function carryOut(deps: Deps, { argv, password }: Line): Promise<Answer> {
  const parsed = parse(argv);
  if ('help' in parsed) return said(help(parsed.help), parsed.json);
  deps.log.info({ command: parsed.command.name }, 'a command of the operator');
  return said(await parsed.command.run(deps, { ...parsed.args, password }), parsed.json);
}
