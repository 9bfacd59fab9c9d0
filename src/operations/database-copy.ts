import type { CommandDeps } from '../deps.js';
import { StartError } from '../errors.js';
import { unopenedKeys } from '../keys/list.js';
import type { SecretBox } from '../keys/secret-box.js';
import { wrongSecret } from '../keys/signing-keys.js';
import { type Args, argument, type Command, CommandError, type Result } from '../platform/cli/command.js';
import { table } from '../platform/cli/text.js';
import { type Copied, copyTables } from '../platform/db/copy.js';
import { type Database, openDatabase } from '../platform/db/database.js';
import type { RunSql } from '../platform/db/driver.js';
import { migrate } from '../platform/db/migrations/migrate.js';

/** Moves from an embedded database to a server; docs/operations.md has the steps. */
export const databaseCopyCommand: Command<CommandDeps> = {
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

async function openStopped(directory: string): Promise<Database> {
  const { holdsData } = await import('../platform/db/embedded/embedded.js');
  if (!holdsData(directory)) throw new CommandError(`There is no embedded database in ${directory}.`);
  try {
    return await openDatabase({ url: `pglite:${directory}`, poolSize: 1 });
  } catch (error) {
    const [, inUse] = /^(.+ is in use by process .+?\.) Stop it first/.exec(String((error as Error).message)) ?? [];
    throw inUse === undefined ? error : new CommandError(`${inUse} Stop it first.`);
  }
}

/** Both databases are migrated; the box belongs to the servers that will use the target. */
type Move = { source: Database; target: Database; box: SecretBox };

/**
 * Copies a whole database with signing keys and audit chain into an unused one: issued tokens stay valid.
 * @throws StartError if `AUTH_SECRET` does not open the source's keys, or the target has or had users
 */
async function moveDatabase({ source, target, box }: Move): Promise<Copied> {
  if ((await unopenedKeys({ db: source.client, box })).length > 0) throw wrongSecret();
  return source.withSession((from) => target.withSession((to) => copyTables(from, to, () => refuseUsed(to))));
}

// Keys of a server that was only started have signed nothing; but no trace of a user may be lost.
async function refuseUsed(runSql: RunSql): Promise<void> {
  const { rows } = await runSql(
    'SELECT 1 WHERE EXISTS (SELECT FROM "user") OR EXISTS (SELECT FROM audit_event WHERE user_id IS NOT NULL)',
    [],
  );
  if (rows.length > 0) throw new StartError('The database of DATABASE_URL has or had users: copy into an unused one.');
}
