import type { Database } from './database.js';

/** Other encodings cannot keep every text. @throws one line that says how to make a database that can */
export async function requireUtf8({ client }: Pick<Database, 'client'>): Promise<void> {
  const encoding = await encodingOf({ client });
  if (encoding === 'UTF8') return;
  throw new Error(`DATABASE_URL: the database has the encoding ${encoding}, not UTF8. ${howToMakeOne}`);
}

export async function encodingOf({ client }: Pick<Database, 'client'>): Promise<string> {
  const [row] = await client.$queryRaw<{ encoding: string }[]>`SELECT current_setting('server_encoding') AS encoding`;
  return row?.encoding ?? 'unknown';
}

export const howToMakeOne = "Make one: CREATE DATABASE <name> ENCODING 'UTF8' TEMPLATE template0";
