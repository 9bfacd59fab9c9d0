import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'gatelatch-verify-'));
const run = (cwd: string, command: string, ...args: string[]) =>
  promisify(execFile)(command, args, { cwd, env: { PATH: process.env.PATH, HOME: process.env.HOME } });

const using = `
import { createVerifier, requireAuth, GatelatchStrategy, TokenError } from '@gatelatch/verify';
import { createTestIssuer } from '@gatelatch/verify/testing';

const issuer = await createTestIssuer();
const verifier = createVerifier(issuer.options);
await verifier.ready();
const { sub } = await verifier.verify(issuer.token({ scope: 'orders:read' }), { permission: 'orders:read' });
const refusal = await verifier.verify(issuer.forged('alg-none')).catch((error) => error);
if (!(refusal instanceof TokenError) || refusal.code !== 'invalid_token') throw refusal;
new GatelatchStrategy(verifier);
requireAuth(verifier, { permission: 'orders:write' });
verifier.close();
await issuer.close();
console.log(sub.length);
`;

// The packages that it needs are packed too: no registry is asked.
beforeAll(async () => {
  await run(root, process.execPath, 'scripts/build.mjs', 'client');
  const require = createRequire(join(root, 'verify/package.json'));
  const folderOf = (name: string) => dirname(dirname(require.resolve(name).replace(/dist\/webapi\/.*/, 'dist/x')));
  const folders = [join(root, 'verify'), folderOf('jose'), folderOf('eventsource-parser')];
  for (const folder of folders) await run(project, 'npm', 'pack', folder, '--silent', '--ignore-scripts');
  const packed = readdirSync(project).map((name) => `./${name}`);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  await run(project, 'npm', 'install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...packed);
});
afterAll(() => rmSync(project, { recursive: true }));

describe('The package, installed in an empty folder,', () => {
  it('runs, without Express, Passport or anything else that it does not name', async () => {
    writeFileSync(join(project, 'use.js'), using);
    expect((await run(project, process.execPath, 'use.js')).stdout).toBe('36\n');
    const installed = readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed).toEqual(['@gatelatch', 'eventsource-parser', 'jose']);
  });

  it('has its build alone, and no sources or tests', () => {
    const files = readdirSync(join(project, 'node_modules/@gatelatch/verify'), { recursive: true, encoding: 'utf8' });
    expect(files).toContain('dist/index.d.ts');
    expect(files.filter((path) => !/^(dist\b|package\.json$|README\.md$)/.test(path))).toEqual([]);
    const { dependencies } = JSON.parse(readFileSync(join(root, 'verify/package.json'), 'utf8'));
    expect(Object.keys(dependencies)).toEqual(['eventsource-parser', 'jose']);
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types for strict projects (module %s, resolution %s)', async (module, moduleResolution) => {
    writeFileSync(join(project, 'use.ts'), using.replace('console.log', 'export const length: number = Number'));
    const checks = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
    const compilerOptions = { ...checks, module, moduleResolution, target: 'es2022', lib: ['es2022'], types: [] };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    await run(project, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', project).catch(
      ({ stdout }) => expect.fail(stdout),
    );
  });
});
