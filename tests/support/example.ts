import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';

const script = fileURLToPath(new URL('../../examples/start.mjs', import.meta.url));

/** An example next to a Gatelatch, as `npm run example:<name>` starts them. */
export type Example = {
  url: string;
  gatelatchUrl: string;
  /** The log lines of Gatelatch. */
  logs: Record<string, unknown>[];
  /** Stops it as Ctrl-C does. @returns the exit code */
  stop(): Promise<number | null>;
};

/** @param settings for Gatelatch, over those of the example */
export async function startExample(name: string, settings: Record<string, string> = {}): Promise<Example> {
  const [gatelatchPort, port, corpPort] = [await freePort(), await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    GATELATCH_PORT: `${gatelatchPort}`,
    SPA_PORT: `${port}`,
    ORDERS_PORT: `${port}`,
    CORP_PORT: `${corpPort}`,
    DATABASE_URL: 'pglite:memory',
    AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
    MAIL_FOLDER: join(tmpdir(), `gatelatch-mail-${gatelatchPort}`),
    PASSWORD_HASH: 'm=1024,t=1,p=1',
    LOG_LEVEL: 'info',
    ...settings,
  };
  const child = spawn(process.execPath, [script, name], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const logs: Record<string, unknown>[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => void (line.startsWith('{') ? logs.push(JSON.parse(line)) : lines.push(line)));
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`It ended with ${code}:\n${lines.join('\n')}`)));
    output.on('line', (line) => line.includes('The example is open at') && resolve());
  });
  return {
    url: `http://localhost:${port}`,
    gatelatchUrl: `http://localhost:${gatelatchPort}`,
    logs,
    async stop() {
      const exit = once(child, 'exit');
      if (child.exitCode !== null) return child.exitCode;
      child.kill('SIGINT');
      await exit;
      return child.exitCode;
    },
  };
}
