import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const prismaClient = join(root, 'src/generated/prisma');
const playground = join(root, 'playground/dist');
const dist = join(root, 'dist');
const prisma = join(root, 'node_modules/prisma');
const typescript = join(root, 'node_modules/typescript');

/** An error that a person can fix: printed without a stack. */
export class BuildError extends Error {}

/** Builds everything that `npm start` serves. */
export async function build() {
  // An image has only the build, no sources.
  if (!existsSync(join(root, 'src'))) return;
  await buildServer();
  await buildClient();
  await buildPlayground();
}

/** Builds what tests and types need. */
async function buildClients() {
  await generateClient();
  await buildClient();
  await buildVerify();
  await buildPlayground();
}

/**
 * Compiles src/ to dist/, unless dist/ is up to date. Alone for what writes the files that are made from the code: the
 * client's types are one of them, and may not compile after a merge.
 */
async function buildServer() {
  const stamp = hashOf([...schemaFiles(), 'tsconfig.json', 'package-lock.json', ...filesIn('src')]);
  if (isCurrent(dist, stamp)) return;
  requireTools();
  console.error(existsSync(dist) ? 'Building what has changed …' : 'Building (first start only) …');
  await generateClient();
  await replace(dist, stamp, async (work) => {
    await compile('.', work);
    return work;
  });
}

/** Compiles client/ to client/dist if needed: modules that a browser loads unchanged. */
const buildClient = () => buildPackage('client');

/** Compiles verify/ to verify/dist if needed: the package for other services. */
export const buildVerify = () => buildPackage('verify');

async function buildPackage(folder) {
  const target = join(root, folder, 'dist');
  const sources = filesIn(`${folder}/src`);
  const stamp = hashOf([`${folder}/tsconfig.json`, 'tsconfig.json', 'package-lock.json', ...sources]);
  if (isCurrent(target, stamp)) return;
  requireTools();
  await replace(target, stamp, async (work) => {
    await compile(folder, work);
    return work;
  });
}

/** Writes the page and its compiled scripts to playground/dist if needed. */
async function buildPlayground() {
  // The only subfolder is the one made here.
  const files = filesIn('playground').filter((path) => !path.startsWith('playground/dist/'));
  const stamp = hashOf(['tsconfig.json', 'package-lock.json', ...files, ...filesIn('client/src')]);
  if (isCurrent(playground, stamp)) return;
  requireTools();
  await replace(playground, stamp, async (work) => {
    await compile('playground', work);
    for (const path of files.filter((path) => /\.(html|css|svg)$/.test(path)))
      copyFileSync(join(root, path), join(work, basename(path)));
    return work;
  });
}

/** Generates the Prisma client, unless it is up to date with schema and Prisma. */
async function generateClient() {
  requireTools();
  const stamp = hashOf([...schemaFiles(), 'node_modules/prisma/package.json']);
  if (isCurrent(prismaClient, stamp)) return;
  await replace(prismaClient, stamp, async (work) => {
    // The output path is relative to the schema, so a copy of the schema is generated beside the copy.
    mkdirSync(join(work, 'prisma'));
    for (const path of schemaFiles()) copyFileSync(join(root, path), join(work, path));
    // It ends before WebAssembly would gain from being compiled a second time, which is a fifth of its work.
    await run(['--liftoff-only', join(prisma, 'build/index.js'), 'generate', '--schema', join(work, 'prisma')]);
    return join(work, 'src/generated/prisma');
  });
}

/**
 * Builds aside, then moves the result into place: an interrupted build changes nothing, and of two builds at once the
 * later finds the work done.
 */
async function replace(target, stamp, make) {
  sweep();
  // One level below the root, like dist/, because source maps hold relative paths. Not by mkdtemp: only its owner can
  // open such a folder, and another user may run the build.
  const work = join(root, `.build-${randomUUID()}`);
  const old = `${work}-old`;
  try {
    mkdirSync(work);
    writeFileSync(join(work, '.gitignore'), '*\n');
    const made = await make(work);
    rmSync(join(work, '.gitignore'));
    writeFileSync(join(made, '.stamp'), stamp);
    if (isCurrent(target, stamp)) return;
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(target)) renameSync(target, old);
    renameSync(made, target);
  } catch (error) {
    // Another build was faster.
    if (!isCurrent(target, stamp)) throw error;
  } finally {
    for (const path of [work, old]) rmSync(path, { recursive: true, force: true });
  }
}

/** Removes what killed builds left; no build takes ten minutes. */
function sweep() {
  for (const name of readdirSync(root).filter((name) => name.startsWith('.build-'))) {
    const path = join(root, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > 600_000) rmSync(path, { recursive: true, force: true });
  }
}

/** The Prisma schema: one file a room. */
function schemaFiles() {
  return readdirSync(join(root, 'prisma'))
    .filter((name) => name.endsWith('.prisma'))
    .sort()
    .map((name) => `prisma/${name}`);
}

function filesIn(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(root, 'src/generated')))
    .map((path) => path.slice(root.length))
    .sort();
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    const content = readFileSync(join(root, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function isCurrent(directory, stamp) {
  try {
    return readFileSync(join(directory, '.stamp'), 'utf8') === stamp;
  } catch {
    return false;
  }
}

function requireTools() {
  if (existsSync(prisma) && existsSync(typescript)) return;
  throw new BuildError('A build needs the development dependencies: run `npm ci --include=dev` first.');
}

// One checker, and no collection of garbage, take a third less processor time: checkers look at the same types again.
async function compile(project, outDir) {
  await run([join(typescript, 'bin/tsc'), '-p', project, '--outDir', outDir, '--noEmitOnError', '--checkers', '1']);
}

async function run(args) {
  const env = {
    ...process.env,
    GOGC: process.env.GOGC ?? 'off',
    NO_COLOR: '1',
    // No check for newer versions, no telemetry.
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  // The copy of the schema no longer exists when this is read.
  if (code !== 0) throw new BuildError(`${output.replaceAll(/\.build-[\w-]+\//g, '').trim()}\nThe build failed.`);
}

/** Runs a step of the command line and reports an error once. */
export async function step(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exit(1);
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await step({ client: buildClients, server: buildServer }[process.argv[2]] ?? build);
}
