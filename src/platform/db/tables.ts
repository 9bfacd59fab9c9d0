import type { RunSql } from './driver.js';

export type Table = {
  name: string;
  /** Sorted by name, without generated columns, which the database fills. */
  columns: { name: string; type: string }[];
  sequences: string[];
};

type CatalogueRow = Table & { refersTo: string[] };

/** All tables except `_prisma_migrations`, each after those that it refers to. @throws if they refer in a circle */
export async function tablesOf(runSql: RunSql): Promise<Table[]> {
  const { rows } = await runSql(catalogue, []);
  return sortedByReferences(rows as CatalogueRow[]);
}

const catalogue = `
  SELECT t.relname AS name, coalesce(c.columns, '[]') AS columns, coalesce(s.names, '[]') AS sequences,
    coalesce(f.names, '[]') AS "refersTo"
  FROM pg_class t
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod)) ORDER BY attname)
    FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  ) c (columns)
  CROSS JOIN LATERAL (
    SELECT json_agg(sequence.relname) FROM pg_depend d JOIN pg_class sequence ON sequence.oid = d.objid
    WHERE d.refobjid = t.oid AND d.refobjsubid > 0 AND sequence.relkind = 'S'
  ) s (names)
  CROSS JOIN LATERAL (
    SELECT json_agg(other.relname) FROM pg_constraint k JOIN pg_class other ON other.oid = k.confrelid
    WHERE k.conrelid = t.oid AND k.contype = 'f' AND k.confrelid <> t.oid
  ) f (names)
  WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relname <> '_prisma_migrations'
  ORDER BY t.relname`;

function sortedByReferences(rows: CatalogueRow[]): Table[] {
  const placed: CatalogueRow[] = [];
  let waiting = rows;
  while (waiting.length > 0) {
    const blocked = waiting.filter(({ refersTo }) => waiting.some(({ name }) => refersTo.includes(name)));
    if (blocked.length === waiting.length)
      throw new Error(`The tables ${blocked.map(({ name }) => name).join(', ')} refer to each other in a circle.`);
    placed.push(...waiting.filter((table) => !blocked.includes(table)));
    waiting = blocked;
  }
  return placed;
}
