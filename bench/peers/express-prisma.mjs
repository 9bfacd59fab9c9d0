// Bare Express 5 with only the one statement that the compared route needs.
import { createServer } from 'node:http';
import express from 'express';
import { announce, openSameDatabase } from './peer.mjs';
import { createTodos, createUser, refreshStatement } from './statements.mjs';

const prisma = await openSameDatabase();
const id = await createUser(prisma);
await createTodos(prisma, id);
const sessions = { length: Number(process.env.BENCH_SESSIONS ?? 0) };
const refreshes = await Promise.all(Array.from(sessions, () => refreshStatement(prisma, id)));

const app = express();
app.get('/me', async (_req, res) => {
  res.json(await prisma.user.findUnique({ where: { id } }));
});
app.get('/todos', async (_req, res) => {
  res.json(await prisma.todo.findMany({ where: { userId: id }, orderBy: { id: 'asc' }, take: 21 }));
});
app.post('/refresh/:session', async (req, res) => {
  const [row] = await prisma.$queryRaw(refreshes[req.params.session]());
  if (!row) throw new Error('The session was not refreshed.');
  res.json(row);
});
await announce(createServer(app));
