// `npm run bench:oracle`: does response time reveal whether a user exists? Sends classes of requests in random order to
// one server. For each pair of classes, the AUC of a rank test (Mann-Whitney) says how often a response of one class
// takes longer than one of the other: 0.5 reveals nothing, 0 or 1 everything. The limits are on, but too high to
// refuse. Takes about two and a half minutes.
//
//     npm run bench:oracle -- [--samples=800] [--seconds=28]      the maximum per route, and its maximum time
//
// The AUC must be between 0.45 and 0.55. Other load on the machine makes all times more alike and hides a difference.
// Beside it stands how often one class took longer in pairs from about the same moment, which hardly drifts. That finds
// smaller differences, and is shown, not judged: in a login, reading a row costs 0.1 ms more than reading none.
//
// The database is the one in DATABASE_URL if that is postgresql:// (test users are added), else an embedded one in
// memory.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { samples: { type: 'string', default: '800' }, seconds: { type: 'string', default: '28' } },
});
const samples = Number(values.samples);
const longestMs = Number(values.seconds) * 1000;
const limits = [0.45, 0.55];
// This many users of each class have their own address, for requests that are not repeated for one address.
const namesakes = 200;
const unreachableLimits = Object.fromEntries(
  ['LOGIN_ADDRESS', 'LOGIN_ACCOUNT', 'SIGNUP', 'MAIL', 'MAIL_ADDRESS', 'GENERAL'].map((name) => [
    `RATE_LIMIT_${name}`,
    '9999999/7d',
  ]),
);

const root = fileURLToPath(new URL('..', import.meta.url));
const run = randomBytes(4).toString('hex');
const password = 'correct horse battery staple';
const wrong = 'incorrect horse battery staple';

let server;
const { url, mails, stop } = await startServer();
process.once('SIGINT', () => stop().finally(() => process.exit(1)));
try {
  await main();
} finally {
  await stop();
}

async function main() {
  const people = await makePeople();
  const emails = { ...people, unknown: `unknown-${run}@example.com` };
  const classes = ['known', 'unknown', 'unverified', 'disabled'];
  const by = (request) => Object.fromEntries(classes.map((name) => [name, () => request(emails[name])]));
  // A pending sign-up is found only by its name.
  const byName = (request) =>
    Object.fromEntries([...classes, 'pending'].map((name) => [name, () => request(`${name}-${run}`)]));
  // Addresses take turns, unknown ones too, because pending sign-ups for an address are looked at.
  const signUps = Object.fromEntries(classes.map((name) => [name, 0]));
  const signUp = (name) => {
    const turn = signUps[name]++;
    const email = `${name}-${run}-${turn % namesakes}@example.com`;
    return { username: `${name}${turn}-${run}`, password, email };
  };
  const routes = {
    'POST /auth/login by e-mail (wrong password)': by((username) => post('/auth/login', { username, password: wrong })),
    'POST /auth/login by username (wrong password)': byName((username) =>
      post('/auth/login', { username, password: wrong }),
    ),
    'POST /auth/signup (SIGNUP=verified)': Object.fromEntries(
      classes.map((name) => [name, () => post('/auth/signup', signUp(name))]),
    ),
    'POST /auth/password/forgot': by((email) => post('/auth/password/forgot', { email })),
    'POST /auth/email/resend': by((email) => post('/auth/email/resend', { email })),
  };
  let told = false;
  for (const [route, requests] of Object.entries(routes)) {
    const times = await measure(requests);
    console.log(`\n${route}: ${times.known.length} answers of users who are known`);
    for (const name of Object.keys(requests).slice(1)) {
      const verdict = verdictOn(times.known, times[name]);
      told ||= verdict.tells;
      console.log(`  known / ${name.padEnd(10)} ${verdict.text}`);
    }
  }
  if (told) process.exitCode = 1;
}

function verdictOn(known, other) {
  const share = auc(known, other);
  const error = standardError(known.length, other.length);
  const outside = share < limits[0] || share > limits[1];
  const tells = outside && Math.abs(share - 0.5) > 3 * error;
  const doubt = outside ? '  too few answers to say: let it run longer, on an idle machine' : '';
  const inPairs = `in pairs ${laterInPairs(known, other).toFixed(3)} +- ${(0.5 / Math.sqrt(known.length)).toFixed(3)}`;
  const medians = `(medians ${median(known)} / ${median(other)} ms)`;
  return {
    tells,
    text: `AUC ${share.toFixed(3)} +- ${error.toFixed(3)}  ${inPairs}  ${medians}${tells ? '  TELLS' : doubt}`,
  };
}

/**
 * Responses of randomly chosen classes; the first ones warm up. Not in rounds: a mail costs its time two requests
 * later, which in a round would always hit the other classes.
 */
async function measure(requests) {
  const names = Object.keys(requests);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const until = performance.now() + longestMs;
  let shape;
  for (let round = -10; round < samples && performance.now() < until; round++) {
    for (const _ of names) {
      const name = names[Math.floor(Math.random() * names.length)];
      const startedAt = performance.now();
      const answer = await requests[name]();
      const took = performance.now() - startedAt;
      shape ??= answer;
      if (answer !== shape) throw new Error(`${name} is answered otherwise: ${answer}, not ${shape}`);
      if (round >= 0) times[name].push(took);
      // Work after a response must not be measured with the next one.
      await sleep(2 + Math.random() * 4);
    }
  }
  return times;
}

/** @returns what could reveal something: the status, and the body without what changes each time */
async function post(path, body) {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return `${answer.status} ${text.replace(/"(id|request_id|username|email|created_at|updated_at)":"[^"]*"/g, '"$1"')}`;
}

async function makePeople() {
  const people = Object.fromEntries(
    ['known', 'unverified', 'disabled'].map((name) => [name, `${name}-${run}@example.com`]),
  );
  for (const [name, email] of Object.entries(people)) {
    await post('/auth/signup', { username: `${name}-${run}`, password, email });
    await verify(email);
  }
  await change(people);
  await post('/auth/signup', { username: `pending-${run}`, password, email: `pending-${run}@example.com` });
  return people;
}

async function verify(email) {
  const token = await mailedToken(email);
  const answer = await post('/auth/email/verify', { token });
  if (!answer.startsWith('204')) throw new Error(`Not verified: ${answer}`);
}

async function mailedToken(email) {
  for (let tries = 0; tries < 200; tries++) {
    for (const mail of mails()) {
      const token = mail.includes(`To: <${email}>`) && /\?token=([\w-]+)/.exec(mail)?.[1];
      if (token) return token;
    }
    await sleep(50);
  }
  throw new Error(`No mail to ${email}`);
}

/** Not possible by these routes: a user from the time of open sign-up, and one disabled by an admin. */
async function change(people) {
  const answer = await new Promise((resolve) => {
    server.once('message', resolve);
    server.send({ ...people, namesakes });
  });
  if (answer !== 'done') throw new Error(`Users not prepared: ${answer}`);
}

async function startServer() {
  const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-oracle-'));
  const folder = join(cwd, 'mail');
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    PORT: '0',
    AUTH_SECRET: randomBytes(32).toString('hex'),
    DATABASE_URL: /^postgres/.test(process.env.DATABASE_URL ?? '') ? process.env.DATABASE_URL : 'pglite:memory',
    SIGNUP: 'verified',
    // Cheap hashes hide less of other differences and allow more samples; a missing hash still shows.
    PASSWORD_HASH: 'm=4096,t=1,p=1',
    ...unreachableLimits,
    MAIL_FOLDER: folder,
  };
  server = spawn(process.execPath, [join(root, 'bench/oracle-server.mjs')], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const port = await new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      if (line.startsWith('port ')) resolve(Number(line.slice(5)));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    mails: () =>
      (existsSync(folder) ? readdirSync(folder) : [])
        .filter((name) => name.endsWith('.eml'))
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    async stop() {
      server.kill('SIGTERM');
      if (server.exitCode === null) await new Promise((resolve) => server.once('exit', resolve));
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

/** The share of pairs in which the second takes longer; ties count half. */
function auc(first, second) {
  const ranked = [...first.map((ms) => [ms, 0]), ...second.map((ms) => [ms, 1])].sort((a, b) => a[0] - b[0]);
  let sum = 0;
  for (let start = 0; start < ranked.length; ) {
    let end = start;
    while (end < ranked.length && ranked[end][0] === ranked[start][0]) end++;
    // Equal times share the mean of their ranks.
    for (let at = start; at < end; at++) if (ranked[at][1] === 1) sum += (start + 1 + end) / 2;
    start = end;
  }
  return (sum - (second.length * (second.length + 1)) / 2) / (first.length * second.length);
}

/** The share of pairs, nth beside nth, in which the second took longer; ties count half. */
function laterInPairs(first, second) {
  const pairs = Math.min(first.length, second.length);
  const later = first.slice(0, pairs).map((ms, nth) => (second[nth] > ms ? 1 : second[nth] === ms ? 0.5 : 0));
  return later.reduce((sum, one) => sum + one, 0) / pairs;
}

/** The standard error of the AUC of two equal samples. */
function standardError(first, second) {
  return Math.sqrt((first + second + 1) / (12 * first * second));
}

function median(times) {
  return (times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN).toFixed(2);
}
