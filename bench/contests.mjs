import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fire, loop } from './load.mjs';
import { PASSWORD } from './people.mjs';

/** How many requests at once. */
export const connections = { read: 64, password: 8, refresh: 16 };

const node24 = Number(process.versions.node.split('.')[0]) >= 24;
const json = { 'content-type': 'application/json' };
// The default of PASSWORD_HASH.
const hashCost = { BENCH_MEMORY_KIB: 19_456, BENCH_PASSES: 2, BENCH_LANES: 1 };
// A path taken forty times a second runs interpreted for a long time before it is compiled.
const slowToWarm = 12;

/**
 * What is compared. Each row has Gatelatch and, taking turns with it, its limit (something bare that does only the
 * essential) and its peers. `target.now` is what a release must reach, `target.later` is the goal.
 * @param wanted names of rows
 * @param arena `gatelatch` as it runs, its `users`, `origin` as a browser sends it, and `peer(name, env)`, which starts
 * one of `peers/`
 * @returns rows: `name`, `subject`, `rivals`
 */
export async function prepareContests(wanted, arena) {
  const contests = { welcome, key, me, todos, refresh, login, signup };
  const rows = [];
  for (const [name, prepare] of Object.entries(contests)) if (wanted.has(name)) rows.push(await prepare(arena));
  return rows;
}

async function welcome({ gatelatch, users, origin, peer, isServer }) {
  const textbook = await peer('textbook');
  const rivals = [
    {
      name: 'bare Express 5 hello',
      target: node24 ? { now: 0.5, later: 0.7 } : { now: 1, later: 2 },
      ...reading(await peer('hello-express'), { path: '/' }),
    },
    {
      name: 'bare node:http hello',
      target: node24 ? {} : { later: 0.3 },
      ...reading(await peer('hello-http'), { path: '/' }),
    },
    {
      name: 'textbook passport-jwt',
      target: node24 ? {} : { now: 8, later: 15 },
      ...reading(textbook, { path: '/welcome', headers: { authorization: `Bearer ${textbook.token}` } }),
    },
  ];
  for (const [name, env, later] of [
    ['better-auth session check', {}, 25],
    ['better-auth, cookie cache', { BENCH_COOKIE_CACHE: 'on' }, 12],
  ]) {
    if (!hasBetterAuth(isServer)) break;
    const betterAuth = await peer('better-auth', env);
    const request = { path: '/api/auth/get-session', headers: { cookie: betterAuth.cookie } };
    rivals.push({ name, target: node24 ? {} : { later }, ...reading(betterAuth, request) });
  }
  return {
    name: 'GET /welcome',
    subject: reading(gatelatch, { path: '/welcome', headers: signedIn(users[0], origin) }),
    rivals,
  };
}

/** The same door with an API key and with an access token. */
async function key({ gatelatch, users, origin }) {
  const made = await fetch(`${gatelatch.url}/me/api-keys`, {
    method: 'POST',
    headers: { ...json, ...signedIn(users[0], origin) },
    body: JSON.stringify({ name: 'bench', scopes: ['profile:read'], password: PASSWORD }),
  });
  if (made.status !== 201) throw new Error(`No key: ${made.status} ${await made.text()}`);
  const headers = { authorization: `Bearer ${(await made.json()).key}` };
  return {
    name: 'GET /welcome with an API key',
    subject: reading(gatelatch, { path: '/welcome', headers }),
    rivals: [
      {
        name: 'with an access token',
        target: { now: 0.9 },
        ...reading(gatelatch, { path: '/welcome', headers: signedIn(users[0], origin) }),
      },
    ],
  };
}

async function me({ gatelatch, users, origin, peer }) {
  return {
    name: 'GET /me',
    subject: {
      ...reading(gatelatch),
      request: (n) => ({ method: 'GET', path: '/me', headers: signedIn(users[n % users.length], origin) }),
    },
    rivals: [
      {
        name: 'Express + one findUnique',
        target: { later: 0.6 },
        ...reading(await peer('express-prisma'), { path: '/me' }),
      },
      { name: 'bare pg statement', target: {}, ...(await statements(peer, 'me', connections.read)) },
    ],
  };
}

async function todos({ gatelatch, users, origin, peer }) {
  for (let n = 0; n < 20; n += 1)
    await fetch(`${gatelatch.url}/todos`, {
      method: 'POST',
      headers: { ...json, ...signedIn(users[0], origin) },
      body: JSON.stringify({ title: `Number ${n}` }),
    });
  return {
    name: 'GET /todos (20)',
    subject: reading(gatelatch, { path: '/todos', headers: signedIn(users[0], origin) }),
    rivals: [
      { name: 'Express + one findMany', target: {}, ...reading(await peer('express-prisma'), { path: '/todos' }) },
      { name: 'bare pg statement', target: {}, ...(await statements(peer, 'todos', connections.read)) },
    ],
  };
}

async function refresh({ gatelatch, users, peer }) {
  const prisma = await peer('express-prisma', { BENCH_SESSIONS: connections.refresh });
  const asking = { measure: fire, connections: connections.refresh };
  return {
    name: 'POST /auth/refresh',
    // Each client continues with the token that it got: every request is a real rotation.
    subject: {
      ...gatelatch,
      ...asking,
      request: (n) => ({
        method: 'POST',
        path: '/auth/refresh',
        headers: json,
        body: JSON.stringify({ refresh_token: users[n].refresh_token }),
        onReply(body) {
          users[n].refresh_token = JSON.parse(body).refresh_token;
          return JSON.stringify({ refresh_token: users[n].refresh_token });
        },
      }),
    },
    rivals: [
      {
        name: 'Express + the same statement',
        target: { now: 0.6, later: 0.75 },
        ...prisma,
        ...asking,
        request: (n) => ({ method: 'POST', path: `/refresh/${n}` }),
      },
      { name: 'bare pg statement', target: {}, ...(await statements(peer, 'refresh', connections.refresh)) },
    ],
  };
}

async function login({ gatelatch, users, peer, compiled, isServer }) {
  // A known device, so that no mail about a new one is sent.
  const credentials = (n) => ({
    username: users[n].user.username,
    password: PASSWORD,
    device_token: users[n].device_token,
  });
  const rivals = [
    {
      name: 'bare argon2 verify loop',
      target: { now: 0.85, later: 0.95 },
      ...(await peer('argon2-loop', { ...hashCost, ...compiled })),
      measure: loop,
      connections: connections.password,
    },
  ];
  if (hasBetterAuth(isServer)) {
    const betterAuth = await peer('better-auth');
    const { email, password } = betterAuth;
    const body = () => ({ email, password });
    rivals.push({
      name: 'better-auth',
      target: { later: 1.2 },
      ...posting(betterAuth, '/api/auth/sign-in/email', body),
    });
  }
  return { name: 'POST /auth/login', subject: posting(gatelatch, '/auth/login', credentials), rivals };
}

async function signup({ gatelatch, peer, compiled, isServer }) {
  const fresh = serial('signup');
  const rivals = [
    {
      name: 'bare argon2 hash loop',
      target: { later: 0.95 },
      ...(await peer('argon2-loop', { ...hashCost, ...compiled, BENCH_WORK: 'hash' })),
      measure: loop,
      connections: connections.password,
    },
  ];
  if (hasBetterAuth(isServer)) {
    const betterAuth = await peer('better-auth');
    const body = () => ({ name: 'Bench', email: `${fresh()}@example.com`, password: PASSWORD });
    rivals.push({
      name: 'better-auth',
      target: { later: 1.2 },
      ...posting(betterAuth, '/api/auth/sign-up/email', body),
    });
  }
  const body = () => ({ username: fresh(), password: PASSWORD });
  return { name: 'POST /auth/signup', subject: posting(gatelatch, '/auth/signup', body), rivals };
}

function signedIn({ access_token }, origin) {
  return { authorization: `Bearer ${access_token}`, origin };
}

function reading(child, request) {
  return { ...child, measure: fire, connections: connections.read, request: () => ({ method: 'GET', ...request }) };
}

function posting(child, path, bodyOf) {
  const body = (n) => JSON.stringify(bodyOf(n));
  return {
    ...child,
    measure: fire,
    connections: connections.password,
    warmUp: slowToWarm,
    request: (n) => ({
      method: 'POST',
      path,
      headers: { ...json, origin: child.url },
      body: body(n),
      onReply: () => body(n),
    }),
  };
}

async function statements(peer, statement, many) {
  const looping = await peer('pg-loop', { BENCH_STATEMENT: statement, BENCH_SESSIONS: many });
  return { ...looping, measure: loop, connections: many };
}

function serial(prefix) {
  let count = 0;
  const run = Date.now().toString(36);
  return () => `${prefix}-${run}-${count++}`;
}

/** better-auth works with servers only, and is only installed for this comparison. */
function hasBetterAuth(isServer) {
  return isServer && existsSync(fileURLToPath(new URL('node_modules/better-auth', import.meta.url)));
}
