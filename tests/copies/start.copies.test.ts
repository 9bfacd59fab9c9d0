import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyBuild, root } from './copy.js';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

describe('npm start', () => {
  let copy: string;
  const server = `
    import { createServer } from 'node:http';
    const server = createServer().listen(0, '127.0.0.1', () => console.log('up'));
    process.once('SIGTERM', () => {
      server.close();
      process.exitCode = 7;
    });
  `;

  beforeAll(() => {
    copy = copyBuild(server);
  });

  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  /** Starts in the copy, sends SIGTERM once the server is up, and returns the result. */
  async function start(command = 'node', args = ['scripts/start.mjs'], env = {}) {
    const options = { cwd: copy, env: { ...process.env, ...env } };
    const child: ChildProcess = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
      if (stdout.endsWith('up\n')) child.kill('SIGTERM');
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, stdout, stderr };
  }

  const remains = () => readdirSync(copy).filter((name) => name.startsWith('.build'));

  it('builds in a clean checkout, even if several start at once, and all of them run', {
    timeout: 60_000,
  }, async () => {
    const runs = await Promise.all([start(), start(), start()]);
    const first = { code: 7, stdout: 'up\n', stderr: 'Building (first start only) …\n' };
    expect(runs).toEqual([first, first, first]);
    expect(existsSync(join(copy, 'dist/generated/prisma/client.js'))).toBe(true);
    expect(remains()).toEqual([]);
  });

  it('makes a build that every user of the machine can read, such as the one of the image', () => {
    for (const path of ['dist', 'src/generated/prisma', 'client/dist', 'playground/dist'])
      expect(statSync(join(copy, path)).mode, path).toBe(statSync(join(copy, 'src')).mode);
  });

  it('builds nothing the second time', async () => {
    expect(await start()).toEqual({ code: 7, stdout: 'up\n', stderr: '' });
  });

  it('passes SIGTERM through npm to the server, and returns its exit code', { timeout: 20_000 }, async () => {
    expect(await start('npm', ['start', '--silent'])).toMatchObject({ code: 7, stdout: 'up\n' });
  });

  it('gives Node as many pool threads as the image does, unless it is set', { timeout: 20_000 }, async () => {
    const [inImage] = all(read('Dockerfile'), /\bUV_THREADPOOL_SIZE=(\d+)/g);
    writeFileSync(join(copy, 'src/main.ts'), 'console.log(process.env.UV_THREADPOOL_SIZE);');
    const threads = (env: Record<string, string>) => start('npm', ['start', '--silent'], env);
    expect(await threads({ UV_THREADPOOL_SIZE: '' })).toMatchObject({ stdout: `${inImage}\n` });
    expect(await threads({ UV_THREADPOOL_SIZE: '7' })).toMatchObject({ stdout: '7\n' });
  });

  it('builds again after a change', { timeout: 20_000 }, async () => {
    writeFileSync(join(copy, 'src/main.ts'), `${server}\nconsole.log('changed');`);
    const { stdout, stderr } = await start();
    expect(stdout).toContain('changed');
    expect(stderr).toBe('Building what has changed …\n');
  });

  it('prints the errors of the sources and keeps the last good build', { timeout: 20_000 }, async () => {
    const built = readFileSync(join(copy, 'dist/main.js'), 'utf8');
    writeFileSync(join(copy, 'src/main.ts'), 'export const port: number = "a";');
    const { code, stdout, stderr } = await start();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('src/main.ts(1,14): error TS2322');
    expect(readFileSync(join(copy, 'dist/main.js'), 'utf8')).toBe(built);
    expect(remains()).toEqual([]);
  });

  it('says in one line that a build needs the development dependencies', async () => {
    rmSync(join(copy, 'node_modules'));
    expect(await start()).toEqual({
      code: 1,
      stdout: '',
      stderr: 'A build needs the development dependencies: run `npm ci --include=dev` first.\n',
    });
  });

  it('runs an existing build if there are no sources', async () => {
    rmSync(join(copy, 'src'), { recursive: true });
    expect(await start()).toMatchObject({ code: 7, stderr: '' });
  });
});
