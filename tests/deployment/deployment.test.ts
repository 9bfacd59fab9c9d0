import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

const example = new Map(
  [...read('.env.example').matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
);

describe('.env.example', () => {
  it('has only comments, so a copy of it changes nothing', () => {
    expect(read('.env.example')).toMatch(/^(#.*\n|\n)*$/);
  });

  it('contains no secret that could be used by mistake', () => {
    for (const name of ['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS', 'POSTGRES_PASSWORD']) expect(example.get(name)).toBe('');
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('copies only existing files that .dockerignore allows', () => {
    const allowed = all(read('.dockerignore'), /^!(.+)$/gm);
    const copied = all(dockerfile, /^COPY (?!--from)(.+) \S+$/gm).flatMap((sources) => sources.split(' '));
    expect(copied).not.toEqual([]);
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(allowed).toContain(path.split('/')[0]);
    }
    expect(read('.dockerignore')).toMatch(/^\*$/m);
  });

  it('builds every stage from one base, which a build argument may replace, or from a stage before it', () => {
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:\d+-bookworm-slim$/m);
    const stages = new Set<string>();
    for (const line of dockerfile.split('\n')) {
      const [, base, stage] = /^FROM (\S+)(?: AS (\S+))?$/.exec(line) ?? [];
      if (base !== undefined) expect(['NODE_IMAGE', ...stages]).toContain(base.replace(/^\$\{(.+)\}$/, '$1'));
      for (const from of all(line, /--from=(\S+)/g)) expect([...stages], line).toContain(from);
      if (stage !== undefined) stages.add(stage);
    }
    expect(stages).toEqual(new Set(['build', 'modules', 'argon2']));
  });

  it('copies from a stage only what that stage has made', () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=(\S+) \/app\/(\S+) /gm)];
    const made: Record<string, RegExp> = {
      'modules node_modules': /npm ci --omit=dev/,
      'argon2 argon2-avx2': /mkdir argon2-avx2 .*build-argon2\.sh argon2-avx2/,
    };
    for (const [line, stage, path] of copied)
      expect(stage === 'build' ? /npm run build/ : made[`${stage} ${path}`], line).toEqual(expect.any(RegExp));
    const stages = dockerfile.split(/^FROM /m).slice(1);
    for (const [name, command] of [['build', /npm run build/] as const, ...Object.entries(made)])
      expect(stages.find((stage) => stage.startsWith(`\${NODE_IMAGE} AS ${name.split(' ')[0]}\n`))).toMatch(command);
  });

  it('runs the server as the user node, without npm', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^CMD \["node", "dist\/main\.js"\]$/m);
    expect(existsSync(join(root, 'src/main.ts'))).toBe(true);
  });

  it('starts with a script that exists and that every user may run', () => {
    const entry = all(dockerfile, /^ENTRYPOINT \["\/app\/(.+)"\]$/gm);
    expect(entry).toEqual(['docker-entrypoint.sh']);
    for (const script of ['scripts/docker-entrypoint.sh', 'scripts/build-argon2.sh'])
      expect(statSync(join(root, script)).mode & 0o555, script).toBe(0o555);
  });

  it('exposes and checks the default port', () => {
    const port = example.get('PORT');
    expect(all(dockerfile, /^EXPOSE (\d+)$/gm)).toEqual([port]);
    expect(dockerfile).toMatch(new RegExp(`^HEALTHCHECK [^]*process\\.env\\.PORT \\|\\| ${port}}/healthz`, 'm'));
  });
});

describe('The image’s entry point', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatelatch-entry-point-'));
    cpSync(join(root, 'scripts/docker-entrypoint.sh'), join(folder, 'docker-entrypoint.sh'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const chosen = () =>
    execFileSync(join(folder, 'docker-entrypoint.sh'), ['node', '-p', 'process.env.ARGON2_PREBUILD'], {
      cwd: folder,
      encoding: 'utf8',
    }).trim();

  it('uses the shipped argon2 if none was compiled, or if the compiled one does not load', () => {
    expect(chosen()).toBe('undefined');
    mkdirSync(join(folder, 'argon2-avx2/build/Release'), { recursive: true });
    writeFileSync(join(folder, 'argon2-avx2/build/Release/argon2.node'), 'not a library');
    expect(chosen()).toBe('undefined');
  });

  it('uses the compiled argon2 if the processor has AVX2 and it can hash', () => {
    rmSync(join(folder, 'argon2-avx2'), { recursive: true, force: true });
    // Any build that loads will do: AVX2 only makes it faster.
    cpSync(join(root, 'node_modules/argon2'), join(folder, 'argon2-avx2'), { recursive: true });
    const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
    expect(chosen()).toBe(/\bavx2\b/.test(cpu) ? join(folder, 'argon2-avx2') : 'undefined');
  });
});

describe('docker-compose.yml', () => {
  const compose = read('docker-compose.yml');

  it('needs only variables that .env.example has', () => {
    const names = all(compose, /\$\{([A-Z_]+)/g);
    expect(new Set(names)).toEqual(new Set(['PORT', 'AUTH_SECRET', 'POSTGRES_PASSWORD']));
    for (const name of names) expect([...example.keys()]).toContain(name);
  });

  it('contains no password', () => {
    for (const line of compose.split('\n').filter((line) => /^\s+\w*(SECRET|PASSWORD):/.test(line)))
      expect(line).toMatch(/: \$\{[A-Z_]+:\?Set [A-Z_]+ in \.env/);
  });

  it('publishes the default port on this machine only', () => {
    const port = example.get('PORT');
    expect(all(compose, /^ {4}ports:\n((?: {6}.*\n)+)/gm)).toEqual([
      `      - '127.0.0.1:\${PORT:-${port}}:\${PORT:-${port}}'\n`,
    ]);
  });

  it('waits for a healthy database', () => {
    expect(compose).toMatch(/postgres:\n\s+condition: service_healthy/);
    expect(compose).toContain('test: [CMD, pg_isready');
  });
});
