import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Import, imports, sources, textOf } from './support/imports.js';

/** The rooms, each above those that it may import. `platform` knows none of them. */
const rooms = [
  'users',
  'audit',
  'keys',
  'sessions',
  'email',
  'passwords',
  'log-in',
  'sign-up',
  'admin',
  'own',
  'me',
  'user-transfer',
  'operations',
  'health',
  'docs',
  'welcome',
];

/** On which everything is listed: above the rooms. */
const pages = ['routes', 'guards', 'settings', 'limits', 'mails', 'jobs', 'commands'].map((name) => `${name}.ts`);
const ownPages = ['own/routes.ts'];

/** How it is started and put together. */
const top = ['main.ts', 'cli.ts', 'serve.ts', 'app.ts', 'deps.ts', 'config.ts', 'endpoint.ts', 'errors.ts'];

const floorOf = (path: string) => rooms.indexOf(path.split('/')[0] ?? '');
const isRoom = (path: string) => floorOf(path) >= 0 && !ownPages.includes(path);
const isPage = (path: string) => pages.includes(path) || ownPages.includes(path);
const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const inPlatform = within('platform');
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

  it('every file is in a room, in platform, or a page', () => {
    expect(
      sources.filter((file) => !isRoom(file) && !isPage(file) && !inPlatform(file) && !top.includes(file)),
    ).toEqual([]);
  });

  it('platform imports no room and no page: only itself and the errors', () => {
    const mayBe = (to: string) =>
      !to.endsWith('.ts') || inPlatform(to) || within('generated')(to) || to === 'errors.ts';
    expect(breaking(({ from, to }) => inPlatform(from) && !mayBe(to))).toEqual([]);
  });

  it('a room imports itself, the rooms below it, platform and the errors', () => {
    const isAbove = ({ from, to }: Import) => isRoom(from) && floorOf(to) > floorOf(from);
    expect(breaking(isAbove)).toEqual([]);
  });

  it('a room imports no page, and of what stands at the top only types and the words for endpoints', () => {
    const mayBe = ({ to, typeOnly }: Import) =>
      to === 'errors.ts' || to === 'endpoint.ts' || (typeOnly && ['deps.ts', 'config.ts'].includes(to));
    expect(breaking((one) => isRoom(one.from) && (isPage(one.to) || (top.includes(one.to) && !mayBe(one))))).toEqual(
      [],
    );
  });

  it('the errors know nothing at all', () => {
    expect(breaking(({ from }) => from === 'errors.ts')).toEqual([]);
  });

  it('no two files import each other, however far round', () => {
    expect(cycles()).toEqual([]);
  });

  it('process.env is read by config.ts alone', () => {
    expect(sources.filter((file) => /process\s*(\.|\[')env|loadEnvFile/.test(textOf(file)))).toEqual(['config.ts']);
    expect(breaking(({ to }) => to === 'node:process' || to === 'process')).toEqual([]);
  });
});

describe('A foreign library', () => {
  /** What many files may know: the words of schemas and of HTTP, ids, and the loggers type. */
  const everywhere = ['zod', 'express', 'uuid', 'pino', 'zod-openapi'];
  /** Two files each, and why. */
  const several: Record<string, string[]> = {
    // Hashes of our own, and those of other systems.
    argon2: ['passwords/foreign-hashes/formats.ts', 'passwords/hasher.ts'],
    // One that talks to the server, one that lists what the pool does, one that listens, one that waits.
    pg: [
      'platform/db/listen.ts',
      'platform/db/server-pool.ts',
      'platform/db/server.ts',
      'platform/db/wait-for-server.ts',
    ],
    '@electric-sql/pglite': [
      'platform/db/embedded/embedded.ts',
      'platform/db/embedded/new-cluster.ts',
      'platform/db/listen.ts',
      'platform/db/migrations/schema-diff.ts',
    ],
    nodemailer: ['platform/mail/smtp.ts'],
  };

  it('is known to one file alone', () => {
    const known = new Map<string, Set<string>>();
    for (const { from, to } of imports)
      if (!to.endsWith('.ts') && !to.startsWith('node:') && !everywhere.includes(to))
        known.set(to, (known.get(to) ?? new Set()).add(from));
    const shared = [...known].filter(([name]) => !/^(@prisma|@opentelemetry|prom-client)/.test(name));
    expect(shared.length).toBeGreaterThan(15);
    for (const [name, files] of shared) expect([...files].sort(), name).toEqual(several[name] ?? [[...files][0]]);
  });

  it.each([
    ['jsonwebtoken', 'sessions/access-tokens.ts'],
    ['passport', 'platform/http/passport.ts'],
    ['passport-local', 'log-in/guard.ts'],
    ['passport-jwt', 'sessions/guard.ts'],
    ['cookie', 'platform/http/cookies.ts'],
  ])('%s is known to %s', (name, file) => {
    expect([...new Set(imports.filter(({ to }) => to === name).map(({ from }) => from))]).toEqual([file]);
  });

  it.each([
    [/^@prisma\//, 'platform/db'],
    [/^(prom-client$|@opentelemetry\/)/, 'platform/telemetry'],
  ])('%s is known to %s alone', (name, folder) => {
    expect(imports.filter(({ to }) => name.test(to)).length).toBeGreaterThan(3);
    expect(breaking(({ from, to }) => name.test(to) && !within(folder)(from))).toEqual([]);
  });

  it('zod-openapi makes the contract in platform/openapi; elsewhere only its types are known', () => {
    expect(
      breaking(({ from, to, typeOnly }) => to === 'zod-openapi' && !typeOnly && !within('platform/openapi')(from)),
    ).toEqual([]);
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
});

describe('Scripts and benches', () => {
  const scripts = ['scripts', 'bench', 'deploy'].flatMap((folder) =>
    readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.mjs') && !path.includes('node_modules'))
      .map((path) => `${folder}/${path}`),
  );

  it('import from dist/ what the sources export', () => {
    const taken = scripts.flatMap((script) =>
      [
        ...readFileSync(new URL(`../${script}`, import.meta.url), 'utf8').matchAll(
          /^import \{([^}]+)\} from '(?:\.\.\/)+dist\/([^']+)\.js'/gm,
        ),
      ].flatMap(([, names = '', path]) => names.split(',').map((name) => ({ script, name: name.trim(), path }))),
    );
    expect(taken.length).toBeGreaterThan(10);
    const missing = taken.filter(({ path, name }) =>
      path?.startsWith('generated/')
        ? false
        : !sources.includes(`${path}.ts`) || !new RegExp(`export .*\\b${name}\\b`).test(textOf(`${path}.ts`)),
    );
    expect(missing).toEqual([]);
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

  it('a row of the page is at most 110 columns wide', () => {
    for (const page of ['routes.ts', 'own/routes.ts'])
      for (const line of textOf(page).split('\n'))
        if (/^ *(GET|POST|PATCH|DELETE)\(/.test(line)) expect(line.length, line).toBeLessThanOrEqual(110);
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
