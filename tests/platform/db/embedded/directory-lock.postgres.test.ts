import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { build } from '../../../../scripts/build.mjs';

// Needs several processes, and so the compiled server.
describe('processes that want one embedded directory', () => {
  const children = new Set<ChildProcess>();
  let dir: string;

  beforeAll(async () => await build(), 120_000);
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  beforeEach(() => {
    const parent = mkdtempSync(join(tmpdir(), 'gatelatch-hold-'));
    dir = join(parent, 'db');
    return () => rmSync(parent, { recursive: true, force: true });
  });

  /** Runs a module and returns its first line and the process. */
  async function start(code: string): Promise<{ child: ChildProcess; line: string }> {
    const dist = JSON.stringify(new URL('../../../../dist/platform/db/', import.meta.url));
    const source = `const load = (name) => import(${dist} + name);\nconst dir = ${JSON.stringify(dir)};\n${code}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.add(child);
    child.on('exit', () => children.delete(child));
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    return { child, line: String(line) };
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  const holdAt = (time: number) => `
    const { lockDirectory } = await load('embedded/directory-lock.js');
    while (Date.now() < ${time});
    await lockDirectory(dir).then(() => console.log('holds'), (error) => console.log(error.message));
    process.stdin.resume();`;

  const openAndCount = `
    const { openDatabase } = await load('database.js');
    const database = await openDatabase({ url: 'pglite:' + dir, poolSize: 1 });
    await database.client.$executeRawUnsafe('CREATE TABLE IF NOT EXISTS starts (x int)');
    await database.client.$executeRawUnsafe('INSERT INTO starts VALUES (1)');
    const [row] = await database.client.$queryRawUnsafe('SELECT count(*)::int AS count FROM starts');
    console.log(row.count);
    process.stdin.resume();`;

  it('get it one at a time, in ten rounds of four processes that start together', async () => {
    for (let round = 0; round < 10; round++) {
      const at = Date.now() + 500;
      const started = await Promise.all(Array.from({ length: 4 }, () => start(holdAt(at))));
      const holders = started.filter(({ line }) => line === 'holds');
      expect(holders).toHaveLength(1);
      for (const { line } of started.filter((one) => one !== holders[0])) {
        expect(line).toContain(`in use by process ${holders[0]?.child.pid} (since`);
      }
      await Promise.all(started.map(({ child }) => end(child, 'SIGKILL')));
    }
    expect(readdirSync(dir)).toHaveLength(1);
  }, 60_000);

  it('get it with all its data, right after kill -9 of the process before', async () => {
    cpSync(inject('templates').embedded, dir, { recursive: true });
    const first = await start(openAndCount);
    expect(first.line).toBe('1');
    await end(first.child, 'SIGKILL');
    const second = await start(openAndCount);
    expect(second.line).toBe('2');
    await end(second.child, 'SIGKILL');
    expect(readdirSync(dir)).toContain('pgdata');
  });

  it('create a new database if the first start was killed halfway', async () => {
    void start(openAndCount);
    await vi.waitFor(() => expect(readdirSync(dir)).toContain('pgdata.new'), { timeout: 10_000, interval: 5 });
    await Promise.all([...children].map((child) => end(child, 'SIGKILL')));
    expect((await start(openAndCount)).line).toBe('1');
    expect(readdirSync(dir)).not.toContain('pgdata.new');
  });
});
