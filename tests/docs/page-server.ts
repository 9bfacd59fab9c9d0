import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startExample } from '../support/example.js';
import { freePort } from '../support/free-port.js';
import { startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { root } from './pages.js';

/** The server that a page of the docs talks about. */
export type PageServer = {
  /** The folder where the page's commands run; it looks like a clone. */
  cwd: string;
  /** Replaces the address that the page prints with the address of this server. */
  here(text: string): string;
  stop(): Promise<void>;
};

/** The server that `npm start` serves of a checkout, with no settings but those of a pretended company. */
export async function startServer(checkout = root): Promise<PageServer> {
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: checkout });
  const cwd = newClone(checkout);
  const port = await freePort();
  const corp = await startOpenIdProvider({
    gatelatchUrl: `http://localhost:${port}`,
    settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified', REDIRECT_URIS: 'http://127.0.0.1/callback' },
  });
  const env = { PATH: process.env.PATH, PORT: `${port}`, ...corp.settings };
  const child = spawn(process.execPath, ['dist/main.js'], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`It did not start: ${errors}`);
    await wait(50);
  }
  return {
    cwd,
    here: (text) => text.replaceAll('localhost:3000', `localhost:${port}`),
    async stop() {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
      await corp.server.goAway();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

/** The example service, with its own Gatelatch. */
export async function startResourceServer(): Promise<PageServer> {
  const { url, gatelatchUrl, stop } = await startExample('resource-server');
  return {
    cwd: tmpdir(),
    here: (text) => text.replaceAll('http://localhost:3100', gatelatchUrl).replaceAll('http://localhost:4000', url),
    stop: async () => void (await stop()),
  };
}

function newClone(checkout: string): string {
  const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-page-'));
  for (const name of readdirSync(checkout).filter((name) => !/^\.(data|env|git)$/.test(name)))
    symlinkSync(join(checkout, name), join(cwd, name));
  return cwd;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://localhost:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}
