import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyBuild } from './copy.js';

const limit = { timeout: 60_000 };

describe('npm run dev', () => {
  let copy: string;
  let dev: ChildProcess;
  let [out, err] = ['', ''];

  beforeAll(() => {
    copy = copyBuild(`import { word } from './room/word.js';\n${server}`);
    mkdirSync(join(copy, 'src/room'));
    save('one');
    dev = spawn(process.execPath, ['scripts/dev.mjs'], { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] });
    dev.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    dev.stderr?.on('data', (chunk) => {
      err += chunk;
    });
  });

  afterAll(() => {
    dev.kill('SIGKILL');
    rmSync(copy, { recursive: true, force: true });
  });

  const server = `
    import { createServer } from 'node:http';
    const server = createServer().listen(0, '127.0.0.1', () => console.log('up', word));
    process.once('SIGTERM', () => {
      console.log('down', word);
      server.close();
    });
  `;
  const save = (word: string) => writeFileSync(join(copy, 'src/room/word.ts'), `export const word: string = ${word};`);
  const says = (text: string) => expect.poll(() => err, limit).toContain(text);
  const runs = (text: string) => expect.poll(() => out, limit).toContain(text);

  it('waits for a change where the first build fails', limit, async () => {
    await says("src/room/word.ts(1,29): error TS2304: Cannot find name 'one'.");
    await says('[dev] Waiting for a change …');
    save("'one'");
    await runs('up one');
    await says('[dev] src/room/word.ts changed: starting …');
  });

  it('says which file has changed, and restarts', limit, async () => {
    save("'two'");
    await runs('down one\nup two');
    await says('[dev] src/room/word.ts changed: restarting …');
  });

  it('sees files of new folders', limit, async () => {
    mkdirSync(join(copy, 'src/new'));
    writeFileSync(join(copy, 'src/new/file.ts'), 'export const here = 1;');
    await says('src/new');
    await runs('down two\nup two');
  });

  it('keeps the server where a build fails, says what is wrong, and goes on', limit, async () => {
    save('3');
    await says('src/room/word.ts changed: src/room/word.ts(1,14): error TS2322');
    await says('[dev] The server still runs the last good build. Waiting for a change …');
    expect(out).toMatch(/up two\n$/);
    save("'four'");
    await runs('down two\nup four');
  });

  it('does not restart where a save changes nothing', limit, async () => {
    const before = out;
    save("'four'");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(out).toBe(before);
  });

  it('ends with its server', limit, async () => {
    dev.kill('SIGTERM');
    await once(dev, 'exit');
    expect(out).toMatch(/down four\n$/);
    expect(dev.exitCode).toBe(0);
  });
});
