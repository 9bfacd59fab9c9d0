import pg from 'pg';
import { TIME_LIMITS } from './time-limits.js';

/** How connections to a server are made. All of them get the same session. */
export type ServerAddress = {
  config: pg.ClientConfig;
  /** Sets what the code relies on. Call it on each new connection, before anything else. */
  prepare(client: pg.ClientBase): Promise<void>;
  /** The one schema with all tables; undefined until the first connection, unless the URL names it. */
  schema(): string | undefined;
  /** Whether the URL names the schema: a missing one is then made. */
  namesSchema: boolean;
};

const OUR_LIMITS = {
  statement_timeout: TIME_LIMITS.statement,
  lock_timeout: TIME_LIMITS.lock,
  idle_in_transaction_session_timeout: TIME_LIMITS.idleTransaction,
};

/** @param url its query parameters (`sslmode`, time limits, `schema`) win */
export function serverAddress(url: string): ServerAddress {
  const given = new URL(url);
  const limits = Object.entries(OUR_LIMITS).map(
    ([name, limit]) => [name, taken(given, name) ?? String(limit)] as const,
  );
  const named = taken(given, 'schema') || undefined;
  let schema = named;
  return {
    config: {
      connectionString: given.href,
      application_name: 'gatelatch',
      connectionTimeoutMillis: TIME_LIMITS.connect,
      query_timeout: TIME_LIMITS.query,
    },
    namesSchema: named !== undefined,
    schema: () => schema,
    async prepare(client) {
      if (schema === undefined) {
        await client.query(sessionSettings(limits));
        schema = await schemaInUse(client);
      }
      // Prisma does not escape it.
      if (schema.includes('"'))
        throw new Error(`The schema of DATABASE_URL has a quotation mark in its name: ${schema}`);
      await client.query(sessionSettings(limits, schema));
    },
  };
}

// As statements, not as startup parameters, which many poolers refuse. They win over role, database and URL.
export function sessionSettings(more: Settings, schema?: string): string {
  const settings = [...OURS, ...more].map(([name, value]) => `SET ${name} = ${literal(value)}`);
  return [...settings, ...(schema === undefined ? [] : [`SET search_path = ${pg.escapeIdentifier(schema)}`])].join(
    '; ',
  );
}

type Settings = readonly (readonly [string, string])[];

const OURS = [
  ['client_encoding', 'UTF8'],
  ['DateStyle', 'ISO, YMD'],
  ['IntervalStyle', 'postgres'],
  // The adapter writes times without an offset and strips it when it reads: only UTC keeps them correct.
  ['TimeZone', 'UTC'],
  ['standard_conforming_strings', 'on'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['array_nulls', 'on'],
  // Conditional writes wait for each other; in a stricter level they would fail instead.
  ['default_transaction_isolation', 'read committed'],
] as const;

// Escaped by doubling, which is right whatever standard_conforming_strings was, as no value has a backslash.
function literal(value: string): string {
  return `'${value.replaceAll('\\', '').replaceAll("'", "''")}'`;
}

/** Also for limits that only newer servers have, and those of the role, the database and the URL. */
export async function liftTimeLimits(client: pg.ClientBase): Promise<void> {
  await client.query(
    `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',
       'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')`,
  );
}

function taken({ searchParams }: URL, name: string): string | undefined {
  const value = searchParams.get(name);
  searchParams.delete(name);
  return value ?? undefined;
}

// That of our tables, if the search path leads to them; else where new tables are made.
async function schemaInUse(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ schema: string | null }>(`
    SELECT coalesce(
      (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = to_regclass('signing_key')), current_schema())::text AS schema`);
  const schema = rows[0]?.schema;
  if (schema) return schema;
  throw new Error('The search_path of this user names no schema that exists. Add ?schema=<name> to DATABASE_URL.');
}
