// `npm run bench:memory`: does memory grow? A mixed load at half of what the server can do, then some hostile minutes.
// Prints resident memory minute by minute, on the database in DATABASE_URL (users are added) or an embedded one.
//
//     npm run bench:memory -- [--minutes=60] [--hostile=5] [--clients=16]
//
// Half: each client waits as long as its last answer took. After the first ten minutes, memory may not grow: the middle
// value of the last third is compared with that of the first third. Hostile: slow clients, big bodies and garbage may
// take 150 MB above rest, and give them back.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PASSWORD, signUpMany } from './people.mjs';
import { residentMb, startGatelatch } from './processes.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    hostile: { type: 'string', default: '5' },
    clients: { type: 'string', default: '16' },
  },
});
const clients = Number(values.clients);
const settlesMinutes = 10;
const mostHostileMb = 150;

const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-memory-'));
const databaseUrl = process.env.DATABASE_URL ?? `pglite:${join(cwd, 'database')}`;
const server = await startGatelatch({ databaseUrl, cwd, origin: 'http://localhost:5173' });
try {
  const kept = await mixedLoad(Number(values.minutes));
  const gaveBack = await hostileLoad(Number(values.hostile));
  if (!kept || !gaveBack) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
}

async function mixedLoad(minutes) {
  const users = [];
  for (let n = 0; n < clients; n += 1) users.push(...(await signUpMany(server, 1, `memory-${Date.now()}`)));
  const end = Date.now() + minutes * 60_000;
  const answers = {};
  const working = users.map((user) => askUntil(end, user, answers));
  const memory = await watch(end);
  await Promise.all(working);
  console.log(`  answers: ${JSON.stringify(answers)}`);
  const after = memory.filter(({ minute }) => minute >= Math.min(settlesMinutes, minutes / 3)).map(({ mb }) => mb);
  const third = Math.ceil(after.length / 3);
  const [first, last] = [middle(after.slice(0, third)), middle(after.slice(-third))];
  console.log(`  mixed load: ${first} MB in the first third after ${settlesMinutes} minutes, ${last} MB in the last`);
  return last <= first * 1.05;
}

async function askUntil(end, user, answers) {
  for (let n = 0; Date.now() < end; n += 1) {
    const begun = performance.now();
    // A connection may be closed just when it is used again.
    const status = await askOnce(user, n).catch((error) => error.cause?.code ?? error.message);
    answers[status] = (answers[status] ?? 0) + 1;
    await sleep(performance.now() - begun);
  }
}

/** One request of a mix: a sign-up or a login now and then, mostly reads. */
async function askOnce(user, n) {
  if (n % 100 === 50) {
    const username = `memory-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    return (await ask('POST', '/auth/signup', { username, password: PASSWORD })).status;
  }
  if (n % 50 === 0)
    return keep(user, await ask('POST', '/auth/login', { username: user.user.username, password: PASSWORD }));
  if (n % 10 === 5) return keep(user, await ask('POST', '/auth/refresh', { refresh_token: user.refresh_token }));
  if (n % 10 === 7) return (await ask('POST', '/todos', { title: `Number ${n}` }, user)).status;
  const path = ['/me', '/welcome', '/todos?limit=10', '/auth/sessions', '/nothing/here'][n % 5];
  return (await ask('GET', path, undefined, n % 25 === 1 ? undefined : user)).status;
}

async function keep(user, { status, body }) {
  if (status === 200) Object.assign(user, body);
  return status;
}

async function ask(method, path, body, user) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(user && { authorization: `Bearer ${user.access_token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: response.ok && text ? JSON.parse(text) : undefined };
}

async function hostileLoad(minutes) {
  await sleep(10_000);
  const rest = residentMb(server.pid);
  const end = Date.now() + minutes * 60_000;
  const attackers = Array.from({ length: 200 }, (_, n) => [slowClient, bigBody, garbage][n % 3]);
  const attacks = attackers.map(async (attack) => {
    while (Date.now() < end) await attack();
  });
  const most = Math.max(...(await watch(end)).map(({ mb }) => mb));
  await Promise.all(attacks);
  for (let tries = 0; tries < 18 && residentMb(server.pid) > rest * 1.15; tries += 1) await sleep(10_000);
  const left = residentMb(server.pid);
  console.log(`  hostile load: ${rest} MB at rest, at most ${most} MB, ${left} MB afterwards`);
  return most - rest <= mostHostileMb && left <= rest * 1.15;
}

/** Sends its head letter by letter and goes away. */
async function slowClient() {
  await open(async (socket) => {
    for (const letter of 'POST /auth/login HTTP/1.1\r\nHost: x\r\n') {
      if (socket.destroyed) return;
      socket.write(letter);
      await sleep(100);
    }
  });
}

/** A megabyte where a password is expected. */
async function bigBody() {
  const body = JSON.stringify({ username: 'x'.repeat(500_000), password: 'y'.repeat(500_000) });
  await open(async (socket) => {
    socket.write(
      `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await sleep(200);
  });
}

async function garbage() {
  await open(async (socket) => {
    socket.write(Buffer.from(Array.from({ length: 4096 }, () => Math.floor(Math.random() * 256))));
    await sleep(200);
  });
}

async function open(talk) {
  const socket = connect(new URL(server.url).port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await talk(socket);
  socket.destroy();
}

async function watch(end) {
  const seen = [];
  const begun = Date.now();
  while (Date.now() < end) {
    await sleep(Math.min(10_000, end - Date.now()));
    const minute = (Date.now() - begun) / 60_000;
    const mb = residentMb(server.pid);
    seen.push({ minute, mb });
    if (seen.length % 6 === 0) console.log(`  ${minute.toFixed(0).padStart(3)} min  ${mb} MB`);
  }
  return seen;
}

function middle(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
