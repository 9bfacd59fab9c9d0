import {
  type Args,
  argument,
  type Command,
  type CommandDeps,
  CommandError,
  type Result,
} from '../platform/cli/command.js';
import { table } from '../platform/cli/text.js';
import { type Database, openDatabase } from '../platform/db/database.js';
import { migrate } from '../platform/db/migrations/migrate.js';
import { moveDatabase } from './database-move.js';

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
  const { holdsData } = await import('../platform/db/embedded/embedded.js');
  if (!holdsData(directory)) throw new CommandError(`There is no embedded database in ${directory}.`);
  try {
    return await openDatabase({ url: `pglite:${directory}`, poolSize: 1 });
  } catch (error) {
    const [, holder] = /^(.+ is in use by process .+?\.) Stop it first/.exec(String((error as Error).message)) ?? [];
    throw holder === undefined ? error : new CommandError(`${holder} Stop it first.`);
  }
}
