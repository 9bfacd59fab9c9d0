// npm run dev: serves, and on each change of the sources builds and restarts. Says which file has changed. Where a build
// fails, the server that runs goes on until the next change.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BuildError, build } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const made = ['dist', 'client/dist', 'playground/dist'];
const watched = ['src', 'prisma', 'client/src', 'playground'];
// Editors write other files beside those they save.
const isSource = (path) =>
  /\/[^.#/][^/]*\.(ts|js|mjs|json|prisma|sql|toml|html|css)$/.test(path) ||
  statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory();
// What builds write into those folders.
const isMade = (path) => ['src/generated', ...made].some((folder) => path === folder || path.startsWith(`${folder}/`));

const changed = new Set();
const watchers = new Map();
let wake = () => {};
let server;
let served;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void quit(signal));
watchFolders();
await rebuild('');
for (;;) {
  if (changed.size === 0) await new Promise((resolve) => (wake = resolve));
  // One save is several events, and a branch that is checked out is many files.
  await delay(150);
  const names = [...changed].sort();
  changed.clear();
  watchFolders();
  await rebuild(names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : ''));
}

/** Builds; where that made something new, the server is restarted. */
async function rebuild(names) {
  try {
    await build();
  } catch (error) {
    say(`${names && `${names} changed: `}${error instanceof BuildError ? error.message : error.stack}`);
    say(server ? 'The server still runs the last good build. Waiting for a change …' : 'Waiting for a change …');
    return;
  }
  const stamps = made.map((folder) => readFileSync(join(root, folder, '.stamp'), 'utf8')).join();
  if (stamps === served) return;
  served = stamps;
  if (names) say(`${names} changed: ${server ? 'restarting' : 'starting'} …`);
  await stop('SIGTERM');
  start();
}

function start() {
  const child = spawn(process.execPath, [join(root, 'dist/main.js')], { stdio: 'inherit' });
  server = child;
  child.on('exit', (code) => {
    if (server !== child) return;
    server = undefined;
    say(`The server has ended (exit code ${code}). Waiting for a change …`);
  });
}

async function stop(signal) {
  const child = server;
  server = undefined;
  if (child === undefined) return 0;
  child.kill(signal);
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function quit(signal) {
  process.exit(await stop(signal));
}

/** Watches each folder by itself: on Linux, Node's recursive watching stumbles over folders that builds replace. */
function watchFolders() {
  const folders = new Set(watched.flatMap((folder) => [folder, ...foldersIn(folder)]));
  for (const [folder, watcher] of watchers) {
    if (folders.has(folder)) continue;
    watcher.close();
    watchers.delete(folder);
  }
  for (const folder of folders) if (!watchers.has(folder)) watchers.set(folder, watchFolder(folder));
}

function foldersIn(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !isMade(path));
}

function watchFolder(folder) {
  const watcher = watch(join(root, folder), (_, name) => {
    const path = `${folder}/${name}`;
    if (name === null || isMade(path) || !isSource(path)) return;
    changed.add(path);
    wake();
  });
  return watcher.on('error', () => watchers.delete(folder));
}

function say(text) {
  console.error(`[dev] ${text}`);
}
