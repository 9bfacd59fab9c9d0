import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Import, imports, sources, textOf } from './support/imports.js';

const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const written = ({ from, to, typeOnly }: Import) => `${from} imports ${typeOnly ? 'type ' : ''}${to}`;
const breaking = (rule: (one: Import) => boolean) => imports.filter(rule).map(written);
const folders = [...new Set(sources.filter((path) => path.includes('/')).map((path) => path.split('/')[0]))];

describe('Who may import what', () => {
  it('is read off the sources, all of them', () => {
    expect(sources).toContain('features/login.ts');
    expect(imports).toContainEqual({ from: 'app.ts', to: 'http/mount.ts', typeOnly: false });
    expect(imports).toContainEqual({ from: 'route.ts', to: 'deps.ts', typeOnly: true });
    expect(imports).toContainEqual({ from: 'db/schema-engine.ts', to: '@prisma/schema-engine-wasm', typeOnly: false });
    const files = imports.filter(({ to }) => to.endsWith('.ts') && !within('generated')(to)).map(({ to }) => to);
    expect(files.filter((file) => !sources.includes(file))).toEqual([]);
  });

  it.each([
    ['argon2', ['domain/imported-hashes.ts', 'domain/passwords.ts']],
    ['jsonwebtoken', ['domain/access-tokens.ts']],
    ['passport', ['http/passport.ts']],
    ['passport-local', ['http/passport.ts']],
    ['passport-jwt', ['http/passport.ts']],
    ['@opentelemetry/sdk-trace-node', ['telemetry/tracing.ts']],
  ])('%s is known to %s alone', (name, files) => {
    expect([...new Set(imports.filter(({ to }) => to === name).map(({ from }) => from))]).toEqual(files);
  });

  it('Prisma and the database’s own packages are known to db/ and domain/ alone', () => {
    const isDatabase = (to: string) => /^(@prisma\/|pg$|@electric-sql\/|pglite-|generated\/)/.test(to);
    expect(imports.filter(({ to }) => isDatabase(to)).length).toBeGreaterThan(5);
    expect(breaking(({ from, to }) => isDatabase(to) && !within('db')(from) && !within('domain')(from))).toEqual([]);
    expect(breaking(({ from, to }) => within('domain')(from) && isDatabase(to) && !within('generated')(to))).toEqual(
      [],
    );
  });

  it('process.env is read by config.ts alone', () => {
    expect(sources.filter((file) => /process\s*(\.|\[')env|loadEnvFile/.test(textOf(file)))).toEqual(['config.ts']);
    expect(breaking(({ to }) => to === 'node:process' || to === 'process')).toEqual([]);
  });

  it('Prometheus and OpenTelemetry are known to telemetry/ alone, which knows nothing of HTTP and features', () => {
    const isTelemetry = (to: string) => /^(prom-client$|@opentelemetry\/)/.test(to);
    expect(imports.filter(({ to }) => isTelemetry(to)).length).toBeGreaterThan(5);
    expect(breaking(({ from, to }) => isTelemetry(to) && !within('telemetry')(from))).toEqual([]);
    expect(breaking(({ from, to }) => within('telemetry')(from) && /^(http|features|cli)\//.test(to))).toEqual([]);
  });

  it('OpenTelemetry is loaded where tracing is on, and not before', () => {
    const loads = ({ to, typeOnly }: Import) => to === 'telemetry/tracing.ts' && !typeOnly;
    expect(imports.filter(loads).map(({ from }) => from)).toEqual(['telemetry/open-tracing.ts']);
    expect(textOf('telemetry/open-tracing.ts')).toContain("await import('./tracing.js')");
    const behind = ['telemetry/tracing.ts', 'telemetry/span.ts', 'telemetry/request-span.ts'];
    expect(
      breaking(({ from, to, typeOnly }) => !typeOnly && behind.slice(1).includes(to) && !behind.includes(from)),
    ).toEqual([]);
    expect(breaking(({ from, to }) => /^@opentelemetry\//.test(to) && !behind.includes(from))).toEqual([]);
  });

  it('a feature never imports another feature', () => {
    expect(breaking(({ from, to }) => within('features')(from) && within('features')(to))).toEqual([]);
  });

  it('http/ and features/ never import each other', () => {
    expect(breaking(({ from, to }) => within('http')(from) && within('features')(to))).toEqual([]);
    expect(breaking(({ from, to }) => within('features')(from) && within('http')(to))).toEqual([]);
  });

  it('openapi/ reads rows, and knows none of them, nor what handles them', () => {
    expect(
      breaking(
        ({ from, to }) => within('openapi')(from) && /^(app|routes|deps)\.ts$|^(features|http|domain|db)\//.test(to),
      ),
    ).toEqual([]);
    expect(breaking(({ to, from, typeOnly }) => to === 'zod-openapi' && !typeOnly && !within('openapi')(from))).toEqual(
      [],
    );
  });

  it('features know nothing of Express, and of HTTP but statuses', () => {
    expect(
      breaking(({ from, to }) => within('features')(from) && /^(express|cors|helmet|cookie|node:https?)$/.test(to)),
    ).toEqual([]);
  });

  it('the domain imports only the domain, the database and the errors: no Express, no HTTP, no settings', () => {
    const mayBe = (to: string) =>
      within('domain')(to) || within('db')(to) || within('generated')(to) || to === 'errors.ts';
    const isWeb = (to: string) => /^(express|cors|helmet|cookie|passport.*|supertest|node:https?)$/.test(to);
    const fromDomain = imports.filter(({ from }) => within('domain')(from));
    expect(fromDomain.filter(({ to }) => (to.endsWith('.ts') && !mayBe(to)) || isWeb(to)).map(written)).toEqual([]);
  });

  it('the database knows nothing of who uses it', () => {
    expect(
      breaking(
        ({ from, to }) => within('db')(from) && to.endsWith('.ts') && !/^(db|generated)\/|^errors\.ts$/.test(to),
      ),
    ).toEqual([]);
  });

  it('the errors know nothing at all', () => {
    expect(breaking(({ from }) => from === 'errors.ts')).toEqual([]);
  });

  it('nobody imports what stands above: main → serve → app → routes → features → domain → db', () => {
    const above: Record<string, RegExp> = {
      serve: /^main/,
      app: /^(main|serve)/,
      routes: /^(main|serve|app)\b/,
      features: /^(main|serve|app|routes)\b/,
      openapi: /^(main|serve|app|routes)\b/,
      http: /^(main|serve|app|routes)\b/,
      domain: /^(main|serve|app|routes|route|wire|deps)\b/,
      db: /^(main|serve|app|routes|route|wire|deps|domain)\b/,
    };
    expect(
      breaking(({ from, to }) => to.endsWith('.ts') && above[from.split(/[/.]/)[0] ?? '']?.test(to) === true),
    ).toEqual([]);
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
        /utils?|helpers?|common|shared|services?|managers?/i.test(path) && path !== 'domain/common-passwords.ts',
    );
    expect(drawers).toEqual([]);
  });

  it('the folders are those of the design', () => {
    expect(
      folders.filter(
        (folder) => !['cli', 'db', 'domain', 'features', 'http', 'mail', 'openapi', 'telemetry'].includes(`${folder}`),
      ),
    ).toEqual([]);
  });

  it.each(sources.filter(within('features')))('%s has a test of the same name', (path) => {
    expect(existsSync(new URL(path.replace(/\.ts$/, '.test.ts'), import.meta.url))).toBe(true);
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
