import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });
const read = (path: string) => readFileSync(join(root, path), 'utf8');

beforeAll(async () => {
  await run('scripts/build.mjs');
});

describe('the package', () => {
  it.each([
    ['index.js', 4096],
    ['api-keys.js', 700],
    ['passkeys.js', 1200],
    ['providers.js', 2000],
    ['secure-store.js', 600],
  ])('%s is smaller than %i bytes in total, minified and gzipped', async (name, bound) => {
    const bundle = await rolldown({ input: join(root, 'client/dist', name) });
    const { output } = await bundle.generate({ minify: true });
    expect(output).toHaveLength(1);
    const { byteLength } = gzipSync(output[0].code);
    process.stdout.write(`  ${name}: ${output[0].code.length} bytes minified, ${byteLength} gzipped\n`);
    expect(byteLength).toBeLessThan(bound);
  });

  it('has no dependencies at run time, and loads in a browser without a bundler', () => {
    const { dependencies, peerDependencies } = JSON.parse(read('client/package.json'));
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined]);
    const files = readdirSync(join(root, 'client/dist')).filter((name) => name.endsWith('.js'));
    expect(files).toContain('index.js');
    const specifiers = files.flatMap((name) =>
      [...read(`client/dist/${name}`).matchAll(/^(?:import|export) [^'"]*from '([^']+)'/gm)].map(([, from]) => from),
    );
    expect(specifiers.length).toBeGreaterThan(10);
    for (const specifier of specifiers) expect(files.map((name) => `./${name}`)).toContain(specifier);
  });

  it('has the types of the OpenAPI document (if not: npm run client:types)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatelatch-types-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const made = join(folder, 'api-types.ts');
    const { stdout } = await run('scripts/write-openapi.mjs');
    const writing = run('client/write-api-types.mjs', made);
    writing.child.stdin?.end(stdout);
    await writing;
    expect(readFileSync(made, 'utf8')).toBe(read('client/src/api-types.ts'));
  });

  it('compiles the examples of its README', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(root, 'client/.readme-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const snippets = [...read('client/README.md').matchAll(/^```ts\n([\s\S]*?)^```/gm)];
    expect(snippets.length).toBeGreaterThan(2);
    const files = snippets.map((_, number) => `${number}.ts`);
    for (const [number, [, code]] of snippets.entries()) writeFileSync(join(folder, `${number}.ts`), `${code}`);
    const compilerOptions = { rootDir: '../..', noEmit: true, declaration: false };
    const platform = '../../tests/client/support/react-native.d.ts';
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files: [...files, platform] }),
    );
    await run('node_modules/typescript/bin/tsc', '-p', folder).catch(({ stdout }) => expect.fail(stdout));
  });
});
