import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Import, imports, sources, textOf } from './support/imports.js';

/** The rooms, each after those that it may import. `platform` may import none of them. */
const rooms = [
  'permissions',
  'users',
  'hooks',
  'audit',
  'keys',
  'sessions',
  'email',
  'passwords',
  'second-factor',
  'log-in',
  'passkeys',
  'sign-up',
  'providers',
  'admin',
  'invitations',
  'api-keys',
  'oauth',
  'webhooks',
  'own',
  'me',
  'user-transfer',
  'operations',
  'health',
  'docs',
  'revocation-list',
  'welcome',
];

/** The pages that list everything: above the rooms. */
const pages = ['routes', 'guards', 'settings', 'limits', 'mails', 'jobs', 'commands'].map((name) => `${name}.ts`);
const ownPages = ['own/routes.ts', 'own/mail-texts.ts'];
/** Files of an adopter that rooms go by, with the room that they stand beside. */
const ownBeside: Record<string, string> = {
  'own/permissions.ts': 'permissions',
  'own/claims.ts': 'users',
  'own/hooks.ts': 'hooks',
};

/** The files that start the server and put it together. */
const top = ['main.ts', 'cli.ts', 'serve.ts', 'app.ts', 'deps.ts', 'config.ts', 'endpoint.ts', 'errors.ts'];

const floorOf = (path: string) => rooms.indexOf(ownBeside[path] ?? path.split('/')[0] ?? '');
const isRoom = (path: string) => floorOf(path) >= 0 && !ownPages.includes(path);
const isPage = (path: string) => pages.includes(path) || ownPages.includes(path);
const within = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const inPlatform = within('platform');
const written = ({ from, to, typeOnly }: Import) => `${from} imports ${typeOnly ? 'type ' : ''}${to}`;
const breaking = (rule: (one: Import) => boolean) => imports.filter(rule).map(written);

describe('The rules for imports:', () => {
  it('the check sees all sources', () => {
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

  it('platform imports no room and no page, only itself and the errors', () => {
    const mayBe = (to: string) =>
      !to.endsWith('.ts') || inPlatform(to) || within('generated')(to) || to === 'errors.ts';
    expect(breaking(({ from, to }) => inPlatform(from) && !mayBe(to))).toEqual([]);
  });

  it('a room imports only itself, the rooms below it, platform and the errors', () => {
    const isAbove = ({ from, to }: Import) => isRoom(from) && floorOf(to) > floorOf(from);
    expect(breaking(isAbove)).toEqual([]);
  });

  it('a room imports no page, and from the top files only types, errors.ts and endpoint.ts', () => {
    const mayBe = ({ to, typeOnly }: Import) =>
      to === 'errors.ts' || to === 'endpoint.ts' || (typeOnly && ['deps.ts', 'config.ts'].includes(to));
    expect(breaking((one) => isRoom(one.from) && (isPage(one.to) || (top.includes(one.to) && !mayBe(one))))).toEqual(
      [],
    );
  });

  it('errors.ts imports nothing', () => {
    expect(breaking(({ from }) => from === 'errors.ts')).toEqual([]);
  });

  it('there are no import cycles', () => {
    expect(cycles()).toEqual([]);
  });

  it('only config.ts reads process.env', () => {
    expect(sources.filter((file) => /process\s*(\.|\[')env|loadEnvFile/.test(textOf(file)))).toEqual(['config.ts']);
    expect(breaking(({ to }) => to === 'node:process' || to === 'process')).toEqual([]);
  });
});

describe('A session', () => {
  it('is inserted in one statement only, which asks whether the second factor was given', () => {
    const inserting = /INSERT INTO "?session"?\b|\.session\.(create|upsert)/;
    expect(sources.filter((file) => inserting.test(textOf(file)))).toEqual(['sessions/start.ts']);
  });

  it('is started for who signs in by one function only, and for a new user by another', () => {
    const calling = (name: string) => sources.filter((file) => RegExp(`\\b${name}\\(`).test(textOf(file)));
    expect(calling('insertSession')).toEqual(['sessions/start.ts']);
    expect(calling('startFirstSession')).toEqual(['providers/sign-in.ts', 'sessions/start.ts', 'sign-up/sign-up.ts']);
  });
});

describe('An address', () => {
  // Whatever is counted by address takes an AddressKey; these store or show the whole one.
  const whole = [
    'audit/counted-events.ts',
    'audit/events.ts',
    'health/guard.ts',
    'platform/http/by-address.ts',
    'platform/http/caller.ts',
    'platform/http/rate-limit-general.ts',
    'platform/http/request-log.ts',
    'platform/outbox/outbox.ts',
    'second-factor/trusted-devices.ts',
    'sessions/refresh.ts',
    'sessions/start.ts',
    'sign-up/limits.ts',
  ];

  it('is seen whole only by the files that store or show it, or make its key', () => {
    const seeing =
      /\bcaller\??\.address\b|\baddressOf\(|\.remoteAddress\b|\breq\.ips?\b|\{[^}]*\baddress\b[^}]*\}: (Pick<)?(Caller|Asker)/;
    expect(sources.filter((file) => seeing.test(textOf(file)))).toEqual(['platform/caller.ts', ...whole].sort());
  });

  it('becomes a key in one file only', () => {
    expect(sources.filter((file) => /\bas AddressKey\b/.test(textOf(file)))).toEqual(['platform/address-key.ts']);
  });
});

describe('The libraries:', () => {
  /** Libraries that many files may import. */
  const everywhere = ['zod', 'express', 'uuid', 'pino', 'zod-openapi'];
  /** Libraries that several files import, with the reason. */
  const several: Record<string, string[]> = {
    // Our tokens, the list of those that ended, and the one that Apple takes for a secret.
    jsonwebtoken: ['providers/openid.ts', 'revocation-list/sign.ts', 'sessions/access-tokens.ts'],
    // Our own hashes, and those of other systems.
    argon2: ['passwords/foreign-hashes/formats.ts', 'passwords/hasher.ts'],
    // One talks to the server, one lists the pool's state, one listens, one waits, one prepares each connection.
    pg: [
      'platform/db/listen.ts',
      'platform/db/server-pool.ts',
      'platform/db/server.ts',
      'platform/db/session.ts',
      'platform/db/wait-for-server.ts',
    ],
    '@electric-sql/pglite': [
      'platform/db/embedded/embedded.ts',
      'platform/db/embedded/new-cluster.ts',
      'platform/db/listen.ts',
      'platform/db/migrations/schema-diff.ts',
    ],
    // One encodes, one writes the sender's name, one sends.
    nodemailer: ['platform/mail/message.ts', 'platform/mail/sender.ts', 'platform/mail/smtp.ts'],
  };

  it('each is imported by one file only, with the listed exceptions', () => {
    const known = new Map<string, Set<string>>();
    for (const { from, to } of imports)
      if (!to.endsWith('.ts') && !to.startsWith('node:') && !everywhere.includes(to))
        known.set(to, (known.get(to) ?? new Set()).add(from));
    const shared = [...known].filter(([name]) => !/^(@prisma|@opentelemetry|prom-client)/.test(name));
    expect(shared.length).toBeGreaterThan(15);
    for (const [name, files] of shared) expect([...files].sort(), name).toEqual(several[name] ?? [[...files][0]]);
  });

  it.each([
    ['passport', 'platform/http/passport.ts'],
    ['passport-local', 'log-in/guard.ts'],
    ['passport-jwt', 'sessions/guard.ts'],
    ['cookie', 'platform/http/cookies.ts'],
    ['@simplewebauthn/server', 'passkeys/verify.ts'],
    ['openid-client', 'providers/openid.ts'],
    ['otpauth', 'second-factor/totp.ts'],
    ['uqr', 'second-factor/qr.ts'],
    ['ipaddr.js', 'webhooks/addresses.ts'],
  ])('%s is imported by %s', (name, file) => {
    expect([...new Set(imports.filter(({ to }) => to === name).map(({ from }) => from))]).toEqual([file]);
  });

  it.each([
    [/^@prisma\//, 'platform/db'],
    [/^(prom-client$|@opentelemetry\/)/, 'platform/telemetry'],
  ])('%s is imported in %s only', (name, folder) => {
    expect(imports.filter(({ to }) => name.test(to)).length).toBeGreaterThan(3);
    expect(breaking(({ from, to }) => name.test(to) && !within(folder)(from))).toEqual([]);
  });

  it('zod-openapi makes the contract in platform/openapi, and other files import only its types', () => {
    expect(
      breaking(({ from, to, typeOnly }) => to === 'zod-openapi' && !typeOnly && !within('platform/openapi')(from)),
    ).toEqual([]);
  });

  it('OpenTelemetry is loaded only if tracing is on', () => {
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
  it('no export is without a user', () => {
    const files = ['src', 'tests', 'bench', 'scripts', 'client', 'examples']
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
      )
      .filter((path) => /\.m?[jt]s$/.test(path) && !/node_modules|\/dist\/|generated/.test(path))
      .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
    const unused = sources.flatMap((source) =>
      [...textOf(source).matchAll(/^export (?:async )?(?:const|function|type|class) (\w+)/gm)]
        .map(([, name]) => name ?? '')
        .filter(
          (name) => !files.some(({ path, text }) => path !== `src/${source}` && RegExp(`\\b${name}\\b`).test(text)),
        )
        .map((name) => `${source}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  it('no path is a drawer', () => {
    // "Common passwords" and "service user" are what the world calls them.
    const terms = /common-passwords|service-user/;
    const drawers = sources.filter((path) =>
      /utils?|helpers?|common|shared|services?|managers?/i.test(path.replace(terms, '')),
    );
    expect(drawers).toEqual([]);
  });

  it('no row of a page is wider than 110 columns', () => {
    for (const page of ['routes.ts', 'own/routes.ts'])
      for (const line of textOf(page).split('\n'))
        if (/^ *(GET|POST|PATCH|DELETE)\(/.test(line)) expect(line.length, line).toBeLessThanOrEqual(110);
  });
});

/** Import cycles, each found once, as a path. */
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
