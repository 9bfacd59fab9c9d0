import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** Starts the build in a folder, with a database in memory, and stops it when the test ends. @param settings more of them */
export async function startBuilt(folder: string, settings: Record<string, string> = {}): Promise<{ url: string }> {
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    PORT: '0',
    DATABASE_URL: 'pglite:memory',
    AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
    ...settings,
  };
  const child = spawn(process.execPath, [join(folder, 'dist/main.js')], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`It ended with ${code}:\n${lines.join('\n')}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : {};
      if (entry.msg === 'listening') resolve(entry.port);
    });
  });
  return { url: `http://127.0.0.1:${port}` };
}
