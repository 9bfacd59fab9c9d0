// `npm run bench:callback`: how many answers of a provider the callback takes in a second, beside a bare Express route
// with the same work: one DELETE, the exchange of the code with a check of the ID token, one INSERT, a redirect. Needs a
// Postgres server in DATABASE_URL; it makes a database there and removes it. The provider answers at once, in a process
// of its own.
//
//     npm run bench:callback -- [--flows=600] [--rounds=3]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createDatabase } from './postgres.mjs';
import { startGatelatch, startPeer } from './processes.mjs';

const { values } = parseArgs({
  options: { flows: { type: 'string', default: '600' }, rounds: { type: 'string', default: '3' } },
});
const [flows, rounds] = [Number(values.flows), Number(values.rounds)];
const connections = 32;
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const provider = spawn(process.execPath, [fileURLToPath(new URL('peers/provider.mjs', import.meta.url))], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
const [{ issuer }] = await once(provider, 'message');
const database = await createDatabase(process.env.DATABASE_URL ?? '', `bench_callback_${process.pid}`);
const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-callback-'));
const settings = {
  NODE_ENV: 'development',
  PLAYGROUND: 'off',
  PROVIDERS: 'corp',
  PROVIDER_CORP_ISSUER: issuer,
  PROVIDER_CORP_CLIENT_ID: 'bench',
  PROVIDER_CORP_CLIENT_SECRET: 'bench-secret',
  REDIRECT_URIS: 'http://127.0.0.1/callback',
};
const gatelatch = await startGatelatch({
  databaseUrl: database.url,
  cwd,
  origin: 'http://localhost:5173',
  env: settings,
});
const peer = await startPeer('callback-express', { DATABASE_URL: database.url, ISSUER: issuer });
try {
  const rates = [];
  await round();
  for (let n = 0; n < rounds; n += 1) rates.push(await round());
  for (const { ours, bare } of rates)
    console.log(`${ours.toFixed(0)}/s beside ${bare.toFixed(0)}/s: ${(ours / bare).toFixed(2)}`);
  const ratios = rates.map(({ ours, bare }) => ours / bare).sort((one, other) => one - other);
  console.log(`median ${ratios[Math.floor(ratios.length / 2)].toFixed(2)} of a bare Express route`);
} finally {
  await Promise.all([gatelatch.stop(), peer.stop()]);
  provider.kill();
  await database.remove();
  rmSync(cwd, { recursive: true });
}

async function round() {
  const ours = await Promise.all(Array.from({ length: flows }, begin));
  const bare = await peer.ask({ flows });
  return { ours: await rateOf(gatelatch.url, ours), bare: await rateOf(peer.url, bare.paths) };
}

/** @returns where the provider would send the browser */
async function begin() {
  const answer = await fetch(`${gatelatch.url}/auth/external`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ provider: 'corp', redirect_uri: 'http://127.0.0.1/callback', code_challenge: challenge }),
  });
  const { searchParams } = new URL((await answer.json()).url);
  return `/auth/callback/corp?${new URLSearchParams({ code: searchParams.get('nonce'), state: searchParams.get('state'), iss: issuer })}`;
}

/** Answers a second. */
async function rateOf(url, paths) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const waiting = [...paths];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let path = waiting.pop(); path; path = waiting.pop()) await expectRedirect(agent, `${url}${path}`);
    }),
  );
  agent.destroy();
  return paths.length / ((performance.now() - startedAt) / 1000);
}

async function expectRedirect(agent, url) {
  const [answer] = await once(request(url, { agent }).end(), 'response');
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 303 || !answer.headers.location.includes('code='))
    throw new Error(`The callback failed: ${answer.statusCode} ${answer.headers.location}`);
}
