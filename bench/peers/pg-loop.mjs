// The ceiling of a route with a database: its one statement, prepared, by the bare driver, without HTTP.
import pg from 'pg';
import { loopOnRequest } from './loop.mjs';
import { openSameDatabase } from './peer.mjs';
import { createTodos, createUser, refreshStatement } from './statements.mjs';

const prisma = await openSameDatabase();
const id = await createUser(prisma);
await createTodos(prisma, id);
const sessions = { length: Number(process.env.BENCH_SESSIONS) };
const refreshes = await Promise.all(Array.from(sessions, () => refreshStatement(prisma, id)));

const queries = {
  me: () => ({ text: 'SELECT * FROM "user" WHERE id = $1', values: [id] }),
  todos: () => ({ text: 'SELECT * FROM todo WHERE user_id = $1 ORDER BY id LIMIT 21', values: [id] }),
  refresh(n) {
    const { text, values } = refreshes[n]();
    return { text, values };
  },
};
const name = process.env.BENCH_STATEMENT;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

loopOnRequest(async (n) => {
  const { rows } = await pool.query({ name, ...queries[name](n) });
  if (rows.length === 0) throw new Error(`The statement of ${name} found nothing.`);
});
