import { pino } from 'pino';
import { commands } from './commands.js';
import { type Config, loadConfig } from './config.js';
import { type CommandDeps, openCore } from './deps.js';
import { StartError } from './errors.js';
import { type Answer, failure, success } from './platform/cli/answer.js';
import { askRunningServer } from './platform/cli/ask-server.js';
import { type Args, type Command, CommandError, type Result } from './platform/cli/command.js';
import { help } from './platform/cli/help.js';
import { parse } from './platform/cli/parse.js';
import { readPassword } from './platform/cli/password-input.js';

// A reader like `| head` may close the pipe early: that is no failure.
process.stdout.on('error', () => process.exit());
const answer = await carryOut(process.argv.slice(2)).catch(failure);
process.stderr.write(answer.stderr);
process.stdout.write(answer.stdout, () => process.exit(answer.exit_code));

async function carryOut(argv: string[]): Promise<Answer> {
  const parsed = parse(argv, commands);
  if ('help' in parsed) return success({ ...help(parsed.help, commands), exitCode: parsed.exitCode ?? 0 }, parsed.json);
  const { command, args, json } = parsed;
  const config = settingsFor(command);
  if ('text' in config) return success(config, json);
  const password = command.readsPassword?.(args) ? await readPassword(process.stdin) : undefined;
  for (;;) {
    // The process that has the embedded database open runs the command for us.
    const answered = await askRunningServer(config.database.url, { argv, password });
    if (answered) return answered;
    const result = await runHere(config, command, { ...args, password }).catch(unlessTaken);
    if (result) return success(result, json);
  }
}

/** If another process has just taken the embedded database, it can be asked now: undefined means try again. */
function unlessTaken(error: unknown): undefined {
  if (error instanceof StartError && / is in use by process \d+ /.test(error.message)) return undefined;
  throw error;
}

function settingsFor(command: Command<CommandDeps>): Config | Result {
  try {
    return loadConfig();
  } catch (error) {
    if (command.onWrongSettings && error instanceof StartError) return command.onWrongSettings(error);
    throw error;
  }
}

async function runHere(config: Config, command: Command<CommandDeps>, args: Args): Promise<Result> {
  if (command.runAlone) return command.runAlone(config);
  if (config.database.url === 'pglite:memory')
    throw new CommandError(
      'DATABASE_URL is pglite:memory, which exists only inside the server: no command can reach it. Use pglite:<directory> or a Postgres server.',
    );
  const deps = await openCore(config, pino({ level: 'silent' }));
  try {
    return await command.run(deps, args);
  } finally {
    await deps.close();
  }
}
