// The callback as one would write it by hand: Express, pg and openid-client, without sealing, logs, headers or limits.
import { createHash, randomBytes } from 'node:crypto';
import express from 'express';
import * as client from 'openid-client';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
await pool.query('CREATE TABLE bare_flow (state text PRIMARY KEY, verifier text, nonce text)');
await pool.query('CREATE TABLE bare_code (hash bytea PRIMARY KEY, person jsonb)');
const options = { execute: [client.allowInsecureRequests] };
const found = await client.discovery(new URL(process.env.ISSUER), 'bench', undefined, undefined, options);
const config = new client.Configuration(
  found.serverMetadata(),
  'bench',
  undefined,
  client.ClientSecretBasic('bench-secret'),
);
client.allowInsecureRequests(config);
client.enableNonRepudiationChecks(config);

const app = express();
app.get('/callback', async (req, res) => {
  const { rows } = await pool.query('DELETE FROM bare_flow WHERE state = $1 RETURNING verifier, nonce', [
    req.query.state,
  ]);
  const [{ verifier, nonce }] = rows;
  const url = new URL(req.url, 'http://127.0.0.1');
  const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: req.query.state };
  const tokens = await client.authorizationCodeGrant(config, url, checks);
  const code = randomBytes(32).toString('base64url');
  const hash = createHash('sha256').update(code).digest();
  await pool.query('INSERT INTO bare_code VALUES ($1, $2)', [hash, JSON.stringify(tokens.claims())]);
  res.redirect(303, `http://127.0.0.1/callback?code=${code}`);
});
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

process.on('message', async ({ flows }) => {
  const rows = Array.from({ length: flows }, () => [0, 1, 2].map(() => randomBytes(32).toString('base64url')));
  const columns = [0, 1, 2].map((n) => rows.map((row) => row[n]));
  await pool.query('INSERT INTO bare_flow SELECT * FROM unnest($1::text[], $2::text[], $3::text[])', columns);
  const paths = rows.map(
    ([state, , nonce]) => `/callback?${new URLSearchParams({ code: nonce, state, iss: process.env.ISSUER })}`,
  );
  process.send({ paths });
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
