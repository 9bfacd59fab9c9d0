// `npm run bench:oracle`: does response time reveal whether a user exists, or has a second factor, or whether a password
// was right that comes without its code? Sends classes of requests in random order to one server. For the first class
// and each other, the AUC of a rank test (Mann-Whitney) says how often a response of one takes longer than one of the
// other: 0.5 reveals nothing, 0 or 1 everything. The limits are on, but too high to refuse. Takes about five minutes.
//
//     npm run bench:oracle -- [--samples=800] [--seconds=28]      the maximum per route, and its maximum time
//                             [--only=passkey]                    the routes whose title has this
//
// The AUC must be between 0.45 and 0.55. Other load on the machine makes all times more alike and hides a difference.
// Beside it stands how often one class took longer in pairs from about the same moment, which hardly drifts. That finds
// smaller differences, and is shown, not judged: in a login, reading a row costs 0.1 ms more than reading none.
//
// The database is the one in DATABASE_URL if that is postgresql:// (test users are added), else an embedded one in
// memory.
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { origin, wrongAnswer } from './passkey.mjs';

const { values } = parseArgs({
  options: {
    samples: { type: 'string', default: '800' },
    seconds: { type: 'string', default: '28' },
    only: { type: 'string', default: '' },
  },
});
const samples = Number(values.samples);
const longestMs = Number(values.seconds) * 1000;
const limits = [0.45, 0.55];
// This many users of each class have their own address, for requests that are not repeated for one address.
const namesakes = 200;
const unreachableLimits = Object.fromEntries(
  ['LOGIN_ADDRESS', 'LOGIN_ACCOUNT', 'SECOND_FACTOR', 'PASSKEY', 'SIGNUP', 'MAIL', 'MAIL_ADDRESS', 'GENERAL'].map(
    (name) => [`RATE_LIMIT_${name}`, '9999999/7d'],
  ),
);

const root = fileURLToPath(new URL('..', import.meta.url));
const run = randomBytes(4).toString('hex');
const password = 'correct horse battery staple';
const wrong = 'incorrect horse battery staple';

const classes = ['known', 'unknown', 'unverified', 'disabled'];

let running;
process.once('SIGINT', () => running?.stop().finally(() => process.exit(1)));
await withServer({}, usualRoutes);
await withServer({ SECOND_FACTOR_PROMPT: 'with-password' }, codeAlongRoutes);

/** @param routesOf gives, for each title, a path and the bodies of each class; the first one is compared with the others */
async function withServer(settings, routesOf) {
  running = await startServer(settings);
  try {
    const people = await makePeople();
    for (const [title, [path, bodies]] of Object.entries(routesOf(people)))
      if (title.includes(values.only)) await compare(title, path, bodies);
  } finally {
    await running.stop();
  }
}

async function compare(title, path, bodies) {
  const times = await measure(path, bodies);
  const [first, ...others] = Object.keys(bodies);
  console.log(`\n${title}: ${times[first].length} answers, ${first}`);
  for (const name of others) {
    const verdict = verdictOn(times[first], times[name]);
    if (verdict.tells) process.exitCode = 1;
    console.log(`  ${first} / ${name.padEnd(14)} ${verdict.text}`);
  }
}

function usualRoutes({ emails, passkeys }) {
  const by = (body) => Object.fromEntries(classes.map((name) => [name, () => body(emails[name])]));
  // A pending sign-up is found only by its name.
  const byName = (names, body) => Object.fromEntries(names.map((name) => [name, () => body(`${name}-${run}`)]));
  // Addresses take turns, unknown ones too, because pending sign-ups for an address are looked at.
  const signUps = Object.fromEntries(classes.map((name) => [name, 0]));
  const signUp = (name) => {
    const turn = signUps[name]++;
    const email = `${name}-${run}-${turn % namesakes}@example.com`;
    return { username: `${name}${turn}-${run}`, password, email };
  };
  const wrongPassword = (username) => ({ username, password: wrong });
  const byPasskey = (passkey) => async () => ({ passkey: wrongAnswer({ ...passkey(), challenge: await challenge() }) });
  return {
    'POST /auth/login by e-mail (wrong password)': ['/auth/login', by(wrongPassword)],
    'POST /auth/login by username (wrong password)': [
      '/auth/login',
      byName([...classes, 'pending', 'factor'], wrongPassword),
    ],
    'POST /auth/login/passkey (wrong signature)': [
      '/auth/login/passkey',
      {
        known: byPasskey(() => passkeys[emails.known]),
        unknown: byPasskey(newIds),
        disabled: byPasskey(() => passkeys[emails.disabled]),
      },
    ],
    'POST /auth/signup (SIGNUP=verified)': [
      '/auth/signup',
      Object.fromEntries(classes.map((name) => [name, () => signUp(name)])),
    ],
    'POST /auth/password/forgot': ['/auth/password/forgot', by((email) => ({ email }))],
    'POST /auth/email/resend': ['/auth/email/resend', by((email) => ({ email }))],
  };
}

/** All are answered as a wrong password is. Users take turns: after many wrong codes one gets a mail. */
function codeAlongRoutes() {
  let turn = 0;
  const as = (name, typed, more) => () => ({
    username: `${name}-${run}-${turn++ % namesakes}`,
    password: typed,
    ...more(),
  });
  const logins = (more) => ({
    'wrong password': as('factor', wrong, more),
    'right password': as('factor', password, more),
    unknown: as('unknown', wrong, more),
    'factor off': as('known', wrong, more),
  });
  const wrongCode = () => ({ code: String(randomInt(1_000_000)).padStart(6, '0') });
  return {
    'POST /auth/login without a code (SECOND_FACTOR_PROMPT=with-password)': ['/auth/login', logins(() => ({}))],
    'POST /auth/login with a wrong code (SECOND_FACTOR_PROMPT=with-password)': ['/auth/login', logins(wrongCode)],
  };
}

function newIds() {
  return { credentialId: randomBytes(16).toString('base64url'), userHandle: randomBytes(16).toString('base64url') };
}

async function challenge() {
  const answer = await fetch(`${running.url}/auth/passkey/options`, { method: 'POST' });
  return (await answer.json()).options.challenge;
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
async function measure(path, bodies) {
  const names = Object.keys(bodies);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const until = performance.now() + longestMs;
  let shape;
  for (let round = -10; round < samples && performance.now() < until; round++) {
    for (const _ of names) {
      const name = names[Math.floor(Math.random() * names.length)];
      const body = await bodies[name]();
      // Work after a response must not be measured with the next one.
      await sleep(2 + Math.random() * 4);
      const startedAt = performance.now();
      const answer = await post(path, body);
      const took = performance.now() - startedAt;
      shape ??= answer;
      if (answer !== shape) throw new Error(`${name} is answered otherwise: ${answer}, not ${shape}`);
      if (round >= 0) times[name].push(took);
    }
  }
  return times;
}

/** @returns what could reveal something: the status, and the body without what changes each time */
async function post(path, body) {
  const answer = await fetch(`${running.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return `${answer.status} ${text.replace(/"(id|request_id|username|email|created_at|updated_at)":"[^"]*"/g, '"$1"')}`;
}

async function makePeople() {
  const emails = Object.fromEntries(
    ['known', 'unverified', 'disabled', 'factor'].map((name) => [name, `${name}-${run}@example.com`]),
  );
  for (const [name, email] of Object.entries(emails)) {
    await post('/auth/signup', { username: `${name}-${run}`, password, email });
    await verify(email);
  }
  const passkeys = { [emails.known]: newIds(), [emails.disabled]: newIds() };
  await change({ ...emails, namesakes, passkeys });
  await post('/auth/signup', { username: `pending-${run}`, password, email: `pending-${run}@example.com` });
  return { emails: { ...emails, unknown: `unknown-${run}@example.com` }, passkeys };
}

async function verify(email) {
  const token = await mailedToken(email);
  const answer = await post('/auth/email/verify', { token });
  if (!answer.startsWith('204')) throw new Error(`Not verified: ${answer}`);
}

async function mailedToken(email) {
  for (let tries = 0; tries < 200; tries++) {
    for (const mail of running.mails()) {
      const token = mail.includes(`To: <${email}>`) && /\?token=([\w-]+)/.exec(mail)?.[1];
      if (token) return token;
    }
    await sleep(50);
  }
  throw new Error(`No mail to ${email}`);
}

/** Not possible by these routes: a user from the time of open sign-up, and one disabled by an admin. And second factors. */
async function change(people) {
  const answer = await new Promise((resolve) => {
    running.server.once('message', resolve);
    running.server.send(people);
  });
  if (answer !== 'done') throw new Error(`Users not prepared: ${answer}`);
}

async function startServer(settings) {
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
    APP_URL: origin,
    ...settings,
  };
  const server = spawn(process.execPath, [join(root, 'bench/oracle-server.mjs')], {
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
    server,
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
