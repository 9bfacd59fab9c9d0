// Bare Express 5 with the one statement that the route beside it cannot do without, and nothing else.
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import { newNonce, nonceHash, sealRefreshToken } from '../../dist/domain/refresh-tokens.js';
import { refreshSession } from '../../dist/domain/sessions.js';
import { announce, openSameDatabase } from './peer.mjs';

const sessions = Number(process.env.BENCH_SESSIONS);

const prisma = await openSameDatabase();
const id = randomUUID();
await prisma.user.create({ data: { id, username: id, usernameKey: id, passwordHash: 'none' } });
const statements = await Promise.all(Array.from({ length: sessions }, refreshStatement));

const app = express();
app.get('/me', async (_req, res) => {
  res.json(await prisma.user.findUnique({ where: { id } }));
});
app.post('/refresh/:session', async (req, res) => {
  const [row] = await prisma.$queryRaw(...statements[req.params.session]());
  res.json(row);
});
await announce(createServer(app));

/**
 * The statement by which Gatelatch refreshes a session made for it, with the next counter at each call, so that it
 * rotates each time: heard from the domain, so that it stays the same.
 */
async function refreshStatement() {
  const sessionId = randomUUID();
  const nonce = newNonce();
  // A number that no other value of the statement is.
  const counter = 123_456_789;
  const accessExpiresAt = new Date(Date.now() + 900_000);
  await prisma.session.create({ data: { id: sessionId, userId: id, nonceHash: nonceHash(nonce), accessExpiresAt } });
  const key = { kid: randomBytes(9).toString('base64url'), privateKey: randomBytes(32) };
  const keys = { find: () => key };
  const tokens = { accessTtl: 900, refreshTtl: 86_400, refreshGrace: 3600, sessionMaxAge: 86_400 };
  const token = sealRefreshToken(keys, { keyId: key.kid, sessionId, counter, nonce });
  const [strings, ...values] = await new Promise((heard) => {
    const db = { $queryRaw: (...statement) => heard(statement) ?? new Promise(() => {}) };
    refreshSession({ db, keys, config: { tokens } }, token, { address: '127.0.0.1', userAgent: undefined });
  });
  let rotations = 0;
  return () => {
    const next = counter + rotations++;
    return [strings, ...values.map((value) => (value === counter ? next : value))];
  };
}
