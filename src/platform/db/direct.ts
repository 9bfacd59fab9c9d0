import { createHash } from 'node:crypto';
import type { Prisma } from '../../generated/prisma/client.js';
import type { DirectStatement, RunDirect } from './driver.js';
import { sqlState } from './errors.js';

/**
 * Sends a statement straight to the driver: Prisma's own way takes three times as long. For the statements of hot paths,
 * outside of transactions. Rows come as `$queryRaw` gives them. Errors are those that `errors.ts` knows.
 */
export type Direct = <Row>(statement: Prisma.Sql) => Promise<Row[]>;

export function createDirect(run: RunDirect, onStatement?: (sql: string) => void): Direct {
  return async <Row>({ text, values }: Prisma.Sql) => {
    try {
      return (await run({ text, values })) as Row[];
    } catch (error) {
      throw withoutValues(error);
    } finally {
      onStatement?.(text);
    }
  };
}

// Errors of pg and PGlite have the statement's values or the row, which may be a hash, and errors are logged.
const telling = ['params', 'query', 'queryOptions', 'detail', 'where', 'internalQuery'];

function withoutValues(error: unknown): unknown {
  for (const key of telling)
    if (error instanceof Error && key in error) delete (error as Error & Record<string, unknown>)[key];
  return error;
}

const mostNames = 200;

/**
 * The server plans a named statement once for each connection. Which of them cannot be named (behind a pooler that gives
 * each transaction another connection, or after a migration changed its columns) shows the first try: the server refuses
 * it before it runs, and it is sent without a name from then on.
 */
export function withNames(send: (statement: DirectStatement & { name?: string }) => Promise<unknown[]>): RunDirect {
  const names = new Map<string, string | undefined>();
  return async (statement) => {
    const { text } = statement;
    if (!names.has(text) && names.size < mostNames) names.set(text, nameOf(text));
    const name = names.get(text);
    if (name === undefined) return await send(statement);
    try {
      return await send({ ...statement, name });
    } catch (error) {
      if (!REFUSED_NAMES.has(sqlState(error) ?? '')) throw error;
      names.set(text, undefined);
      return await send(statement);
    }
  };
}

const REFUSED_NAMES = new Set([
  '26000', // no such statement: another connection has it
  '42P05', // it exists already: another client of the pooler made it
  '0A000', // its columns have changed
]);

// Made of the text: behind a pooler, another instance's statement of this name is the same.
function nameOf(text: string): string {
  return `gatelatch_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
