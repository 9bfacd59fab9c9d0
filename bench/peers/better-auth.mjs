// better-auth, mounted in Express as its documentation says, on the same Postgres and with the same argon2id cost.
// Needs what `npm run bench` installs, and a database that is a server.
import { once } from 'node:events';
import { createServer } from 'node:http';
import argon2 from 'argon2';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import express from 'express';
import pg from 'pg';

const schema = 'better_auth';
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  options: `-c search_path=${schema}`,
});
await pool.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);

const cost = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const url = `http://127.0.0.1:${port}`;

const options = {
  baseURL: url,
  secret: 'a secret of the bench that guards nothing at all',
  database: pool,
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => argon2.hash(password, cost),
      verify: ({ hash, password }) => argon2.verify(hash, password),
    },
  },
  session: { cookieCache: { enabled: process.env.BENCH_COOKIE_CACHE === 'on', maxAge: 300 } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
};
await (await getMigrations(options)).runMigrations();

const app = express();
app.all('/api/auth/{*any}', toNodeHandler(betterAuth(options)));
server.on('request', app);

const email = `bench-${port}@example.com`;
const password = 'correct horse battery staple';
const signedUp = await fetch(`${url}/api/auth/sign-up/email`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', origin: url },
  body: JSON.stringify({ name: 'Bench', email, password }),
});
if (!signedUp.ok) throw new Error(`better-auth answered ${signedUp.status}: ${await signedUp.text()}`);
const cookie = signedUp.headers
  .getSetCookie()
  .map((line) => line.split(';')[0])
  .join('; ');

process.on('disconnect', () => process.exit());
process.send({ port, cookie, email, password });
