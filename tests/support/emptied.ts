/** Asks a database something, or has it do something. */
export type AskDatabase = (sql: string) => Promise<Record<string, unknown>[]>;

/** What tables, columns, rules, triggers and functions there are: another text where a test has changed one. */
export async function shapeOf(ask: AskDatabase): Promise<string> {
  const [row] = await ask(`
    WITH tables AS (
      SELECT oid, relname, relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    parts AS (
      SELECT t::text AS part FROM tables t
      UNION ALL SELECT concat(attrelid, attname, atttypid, attnotnull, attisdropped)
        FROM pg_attribute WHERE attrelid IN (SELECT oid FROM tables)
      UNION ALL SELECT concat(oid, conname) FROM pg_constraint
      UNION ALL SELECT concat(oid, tgname, tgenabled) FROM pg_trigger
      UNION ALL SELECT concat(oid, proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT concat(setdatabase, setrole, setconfig) FROM pg_db_role_setting)
    SELECT md5(string_agg(part, ',' ORDER BY part)) AS shape FROM parts`);
  return String(row?.shape);
}

/** Takes out all rows but those that say which migrations were applied, and starts the counting of ids anew. */
export async function empty(ask: AskDatabase): Promise<void> {
  // Half of them were never written to, and are empty files.
  const [row] = await ask(`
    SELECT string_agg(format('%I', relname), ', ') AS tables FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '_prisma_migrations'
      AND pg_relation_size(oid) > 0`);
  if (row?.tables) await ask(`TRUNCATE ${row.tables} CASCADE`);
  await ask(`
    SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'`);
}
