import { type Database, openDatabase } from '../db/database.js';
import { migrate } from '../db/migrate.js';
import { moveDatabase } from '../domain/database-move.js';
import { type Args, argument, type Command, type CommandDeps, CommandError, type Result } from './command.js';
import { table } from './text.js';

/** Moving on from an embedded database; docs/operations.md has the steps. */
export const databaseCopyCommand: Command = {
  name: 'db copy',
  arguments: ['<directory>'],
  summary: 'copy a stopped server’s embedded database to the Postgres of DATABASE_URL',
  run: copy,
};

async function copy({ database: target, box }: CommandDeps, args: Args): Promise<Result> {
  if (target.kind !== 'server')
    throw new CommandError('DATABASE_URL must name the Postgres server to copy to: postgresql://…');
  const source = await openStopped(argument(args, 0).replace(/^pglite:/, ''));
  try {
    await migrate(source);
    const copied = await moveDatabase({ source, target, box });
    const rows = copied.map((one) => [one.table, String(one.rows)]);
    return { json: { copied }, text: table(['TABLE', 'ROWS'], rows, 'There are no tables.') };
  } finally {
    await source.close();
  }
}

/** @throws CommandError where there is none, or a process has it */
async function openStopped(directory: string): Promise<Database> {
  const { holdsData } = await import('../db/embedded.js');
  if (!holdsData(directory)) throw new CommandError(`There is no embedded database in ${directory}.`);
  try {
    return await openDatabase({ url: `pglite:${directory}`, poolSize: 1 });
  } catch (error) {
    const [, holder] = /^(.+ is in use by process .+?\.) Stop it first/.exec(String((error as Error).message)) ?? [];
    throw holder === undefined ? error : new CommandError(`${holder} Stop it first.`);
  }
}
