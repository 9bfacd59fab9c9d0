import { randomBytes, randomUUID } from 'node:crypto';
import { Prisma } from '../../dist/generated/prisma/client.js';
import { refreshSession } from '../../dist/sessions/refresh.js';
import { newNonce, nonceHash, sealRefreshToken } from '../../dist/sessions/refresh-tokens.js';

/** A user of the bench's own. @returns their id */
export async function createUser(prisma) {
  const id = randomUUID();
  await prisma.user.create({ data: { id, username: id, usernameKey: id, passwordHash: 'none' } });
  return id;
}

/** Twenty todos of that user. */
export async function createTodos(prisma, userId) {
  const data = Array.from({ length: 20 }, (_, n) => ({ id: randomUUID(), userId, title: `Number ${n}` }));
  await prisma.todo.createMany({ data });
}

/**
 * The statement by which Gatelatch refreshes a session made for it, heard from the domain, so that it stays the same.
 * @returns a function whose every call gives it with the next counter: each rotates
 */
export async function refreshStatement(prisma, userId) {
  const sessionId = randomUUID();
  const nonce = newNonce();
  // A number that no other value of the statement is.
  const counter = 123_456_789;
  const accessExpiresAt = new Date(Date.now() + 900_000);
  await prisma.session.create({ data: { id: sessionId, userId, nonceHash: nonceHash(nonce), accessExpiresAt } });
  const key = { kid: randomBytes(9).toString('base64url'), privateKey: randomBytes(32) };
  const keys = { find: () => key };
  const tokens = { accessTtl: 900, refreshTtl: 86_400, refreshGrace: 3600, sessionMaxAge: 86_400 };
  const token = sealRefreshToken(keys, { keyId: key.kid, sessionId, counter, nonce });
  const { strings, values } = await new Promise((heard) => {
    const db = { direct: (statement) => heard(statement) ?? new Promise(() => {}) };
    refreshSession({ db, keys, config: { tokens } }, token, { address: '127.0.0.1', userAgent: undefined });
  });
  let rotations = 0;
  return () => {
    const next = counter + rotations++;
    return Prisma.sql(strings, ...values.map((value) => (value === counter ? next : value)));
  };
}
