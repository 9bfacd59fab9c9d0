import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('The examples of the README compile', async () => {
  const folder = mkdtempSync(join(root, 'verify/.readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const text = readFileSync(join(root, 'verify/README.md'), 'utf8');
  const snippets = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)];
  expect(snippets.length).toBeGreaterThan(3);
  const files = snippets.map((_, number) => `${number}.ts`);
  for (const [number, [, code]] of snippets.entries()) writeFileSync(join(folder, `${number}.ts`), `${code}`);
  const paths = { '@gatelatch/verify': ['../src/index.ts'], '@gatelatch/verify/testing': ['../src/testing.ts'] };
  const compilerOptions = { rootDir: '../..', noEmit: true, declaration: false, paths };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files }));
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder];
  await promisify(execFile)(process.execPath, tsc).catch(({ stdout }) => expect.fail(stdout));
});
