import { describe, expect, it } from 'vitest';
import { type Import, imports, sources, textOf } from './support/imports.js';

const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const written = ({ from, to, typeOnly }: Import) => `${from} imports ${typeOnly ? 'type ' : ''}${to}`;
const breaking = (rule: (one: Import) => boolean) => imports.filter(rule).map(written);

describe('Who may import what', () => {
  it('is read off the sources, all of them', () => {
    expect(sources).toContain('log-in/endpoints.ts');
    expect(imports).toContainEqual({ from: 'app.ts', to: 'platform/http/mount.ts', typeOnly: false });
    expect(imports).toContainEqual({ from: 'endpoint.ts', to: 'deps.ts', typeOnly: true });
    expect(imports).toContainEqual({
      from: 'platform/db/migrations/schema-engine.ts',
      to: '@prisma/schema-engine-wasm',
      typeOnly: false,
    });
    const files = imports.filter(({ to }) => to.endsWith('.ts') && !within('generated')(to)).map(({ to }) => to);
    expect(files.filter((file) => !sources.includes(file))).toEqual([]);
  });

  it.each([
    ['argon2', ['passwords/foreign-hashes/formats.ts', 'passwords/hasher.ts']],
    ['jsonwebtoken', ['sessions/access-tokens.ts']],
    ['passport', ['platform/http/passport.ts']],
    ['passport-local', ['platform/http/passport.ts']],
    ['passport-jwt', ['platform/http/passport.ts']],
    ['@opentelemetry/sdk-trace-node', ['platform/telemetry/tracing.ts']],
  ])('%s is known to %s alone', (name, files) => {
    expect([...new Set(imports.filter(({ to }) => to === name).map(({ from }) => from))]).toEqual(files);
  });

  it('process.env is read by config.ts alone', () => {
    expect(sources.filter((file) => /process\s*(\.|\[')env|loadEnvFile/.test(textOf(file)))).toEqual(['config.ts']);
    expect(breaking(({ to }) => to === 'node:process' || to === 'process')).toEqual([]);
  });

  it('OpenTelemetry is loaded where tracing is on, and not before', () => {
    const loads = ({ to, typeOnly }: Import) => to === 'platform/telemetry/tracing.ts' && !typeOnly;
    expect(imports.filter(loads).map(({ from }) => from)).toEqual(['platform/telemetry/open-tracing.ts']);
    expect(textOf('platform/telemetry/open-tracing.ts')).toContain("await import('./tracing.js')");
    const behind = ['tracing', 'span', 'request-span'].map((name) => `platform/telemetry/${name}.ts`);
    expect(
      breaking(({ from, to, typeOnly }) => !typeOnly && behind.slice(1).includes(to) && !behind.includes(from)),
    ).toEqual([]);
    expect(breaking(({ from, to }) => /^@opentelemetry\//.test(to) && !behind.includes(from))).toEqual([]);
  });

  it('the errors know nothing at all', () => {
    expect(breaking(({ from }) => from === 'errors.ts')).toEqual([]);
  });

  it('no two files import each other, however far round', () => {
    expect(cycles()).toEqual([]);
  });
});

describe('Names', () => {
  it('no path is a drawer', () => {
    // "Common passwords" is what the world calls them.
    const drawers = sources.filter(
      (path) =>
        /utils?|helpers?|common|shared|services?|managers?/i.test(path) && path !== 'passwords/common-passwords.ts',
    );
    expect(drawers).toEqual([]);
  });
});

/** Rings of imports, each told once, as a path. */
function cycles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const next = (file: string) => [
    ...new Set(imports.filter(({ from, to }) => from === file && sources.includes(to)).map(({ to }) => to)),
  ];
  function visit(file: string, path: string[]): void {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file) || path.includes(file)) return;
    for (const to of next(file)) visit(to, [...path, file]);
    done.add(file);
  }
  for (const file of sources) visit(file, []);
  return found;
}
