import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startExample } from '../support/example.js';
import { freePort } from '../support/free-port.js';
import { runServer } from '../support/instance.js';
import { type Block, type Page, root } from './pages.js';

/** A server as a page speaks of it. */
export type PageServer = {
  /** Where the page's commands run. */
  cwd: string;
  /** The address that the page prints → the one that the server has. */
  addresses: [string, string][];
  stop(): Promise<void>;
};

/** What a block did: what it printed, how it ended, and the status of each answer that curl got. */
export type Outcome = { stdout: string; exitCode: number; statuses: number[] };

/** The server of `npm start` with no settings, in a folder that looks like a clone. */
export async function startServer(): Promise<PageServer> {
  const port = await freePort();
  // Empty is unset: the settings are those that a reader has.
  const unset = { NODE_ENV: '', JWT_ISSUER: '', AUTH_SECRET: '', PASSWORD_HASH: '', RATE_LIMIT: '' };
  const { child, logs, cwd } = await runServer('pglite:.data/db', { ...unset, PORT: `${port}` });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  for (const name of readdirSync(root).filter((name) => !/^\.(data|env|git)$/.test(name)))
    symlinkSync(join(root, name), join(cwd, name));
  const url = `localhost:${port}`;
  for (let tries = 0; !(await isReady(`http://${url}`)); tries += 1) {
    if (tries > 300 || child.exitCode !== null) throw new Error(`It did not start:\n${logs.join('\n')}`);
    await wait(100);
  }
  return {
    cwd,
    addresses: [['localhost:3000', url]],
    async stop() {
      child.kill('SIGTERM');
      await exit;
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

/** The example service with a Gatelatch of its own. */
export async function startResourceServer(): Promise<PageServer> {
  const example = await startExample('resource-server');
  const host = (url: string) => new URL(url).host;
  return {
    cwd: tmpdir(),
    addresses: [
      ['localhost:3100', host(example.gatelatchUrl)],
      ['localhost:4000', host(example.url)],
    ],
    stop: async () => void (await example.stop()),
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** The blocks of a page that a reader runs, each with the output that the page prints below it. */
export function stepsOf({ blocks }: Page): (Block & { printed: string | undefined })[] {
  return blocks.flatMap((block, place) => {
    const next = blocks[place + 1];
    const printed = next?.language === 'text' ? next.text : undefined;
    return block.language === 'sh' && !block.info.startsWith('no-run') ? [{ ...block, printed }] : [];
  });
}

/** Puts the addresses of this server in the place of those that the page prints. */
export function here(text: string, { addresses }: PageServer): string {
  return addresses.reduce((result, [printed, real]) => result.replaceAll(printed, real), text);
}

// A page's curl, which also notes the status of each answer.
const notingCurl = `
curl() {
  local head code
  head=$(mktemp -p "$NOTES")
  command curl -D "$head" "$@"
  code=$?
  sed -n 's/^HTTP[^ ]* \\([0-9]*\\).*/\\1/p' "$head" | tail -1 >>"$NOTES/$STEP"
  return $code
}`;

/** Runs blocks in one bash, one after the other, as a reader pastes them. */
export async function runBlocks(texts: string[], server: PageServer): Promise<Outcome[]> {
  const notes = mkdtempSync(join(tmpdir(), 'gatelatch-page-'));
  const steps = texts.map((text, step) => `STEP=step-${step}; true\n${here(text, server)}\nprintf '\\n%%%%%%%s\\n' $?`);
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NOTES: notes };
  const script = [notingCurl, ...steps].join('\n');
  const stdout = await new Promise<string>((resolve) => {
    execFile('bash', ['-c', script], { cwd: server.cwd, env }, (_, out, errors) =>
      resolve(`${out}${errors && `\n${errors}`}`),
    );
  });
  const parts = stdout.split(/^%%%(\d+)\n/m);
  const outcomes = texts.map((_, step) => ({
    stdout: parts[step * 2] ?? '',
    exitCode: Number(parts[step * 2 + 1] ?? Number.NaN),
    statuses: statusesIn(join(notes, `step-${step}`)),
  }));
  rmSync(notes, { recursive: true });
  return outcomes;
}

function statusesIn(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').map(Number);
  } catch {
    return [];
  }
}
