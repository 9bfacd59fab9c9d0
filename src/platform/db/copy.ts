import type { RunSql } from './driver.js';
import { type Table, tablesOf } from './tables.js';

export type Copied = { table: string; rows: number }[];

const batchSize = 1_000;

/**
 * Replaces all rows of one database by those of another, in one transaction that locks the target. Values travel as
 * Postgres' own text: JavaScript types would lose microseconds and big numbers.
 * @param mayReplace runs while the target is locked; it throws if something there must stay
 * @throws if the target lacks a table or column
 */
export async function copyTables(source: RunSql, target: RunSql, mayReplace: () => Promise<void>): Promise<Copied> {
  const tables = await tablesOf(source);
  refuseDifferences(tables, await tablesOf(target));
  const names = tables.map(({ name }) => quoted(name)).join(', ');
  // One snapshot, even if another process writes to the source.
  return inTransaction(source, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', () =>
    inTransaction(target, 'BEGIN', async () => {
      await target(`LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`, []);
      await mayReplace();
      await target(`TRUNCATE ${names}`, []);
      const copied: Copied = [];
      for (const table of tables) copied.push({ table: table.name, rows: await copyTable(source, target, table) });
      // Without it the first queries are planned for empty tables.
      await target(`ANALYZE ${names}`, []);
      return copied;
    }),
  );
}

function refuseDifferences(tables: Table[], there: Table[]): void {
  const shape = ({ name, columns }: Table) => JSON.stringify([name, columns]);
  const other = tables.find((table) => !there.some((one) => shape(one) === shape(table)));
  if (other) throw new Error(`The table ${other.name} is missing in the target, or has other columns there.`);
}

async function inTransaction<T>(runSql: RunSql, begin: string, work: () => Promise<T>): Promise<T> {
  await runSql(begin, []);
  try {
    const result = await work();
    await runSql('COMMIT', []);
    return result;
  } catch (error) {
    await runSql('ROLLBACK', []).catch(() => undefined);
    throw error;
  }
}

async function copyTable(source: RunSql, target: RunSql, table: Table): Promise<number> {
  const insert = insertOf(table);
  const texts = table.columns.map(({ name }) => `${quoted(name)}::text`).join(', ');
  await source(
    `DECLARE copied NO SCROLL CURSOR FOR SELECT to_json(t)::text AS row FROM (SELECT ${texts} FROM ${quoted(table.name)}) t`,
    [],
  );
  for (;;) {
    const { rows } = await source(`FETCH ${batchSize} FROM copied`, []);
    if (rows.length > 0) await target(insert, [`[${(rows as { row: string }[]).map(({ row }) => row).join(',')}]`]);
    if (rows.length < batchSize) break;
  }
  await source('CLOSE copied', []);
  for (const sequence of table.sequences) await continueSequence(source, target, sequence);
  return equalCount(source, target, table.name);
}

function insertOf({ name, columns }: Table): string {
  const list = (write: (column: string, type: string) => string) =>
    columns.map((column) => write(quoted(column.name), column.type)).join(', ');
  return `INSERT INTO ${quoted(name)} (${list((column) => column)}) OVERRIDING SYSTEM VALUE
    SELECT ${list((column, type) => `${column}::${type}`)}
    FROM json_to_recordset($1::json) AS given(${list((column) => `${column} text`)})`;
}

// RESTART is transactional; setval() is not.
async function continueSequence(source: RunSql, target: RunSql, sequence: string): Promise<void> {
  const { rows } = await source(`SELECT (last_value + is_called::int)::text AS next FROM ${quoted(sequence)}`, []);
  const [{ next } = { next: '1' }] = rows as { next: string }[];
  await target(`ALTER SEQUENCE ${quoted(sequence)} RESTART WITH ${BigInt(next)}`, []);
}

async function equalCount(source: RunSql, target: RunSql, name: string): Promise<number> {
  const [wanted, found] = [await countOf(source, name), await countOf(target, name)];
  if (wanted !== found) throw new Error(`The table ${name} has ${wanted} rows, but ${found} in the target.`);
  return wanted;
}

async function countOf(runSql: RunSql, name: string): Promise<number> {
  const { rows } = await runSql(`SELECT count(*)::text AS count FROM ${quoted(name)}`, []);
  return Number((rows as { count: string }[])[0]?.count);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
