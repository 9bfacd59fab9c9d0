import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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

describe('npm start', () => {
  let copy: string;
  const server = `
    import { createServer } from 'node:http';
    const server = createServer().listen(0, '127.0.0.1', () => console.log('up'));
    process.once('SIGTERM', () => {
      server.close();
      process.exitCode = 7;
    });
  `;

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'gatelatch-start-'));
    const files = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'prisma.config.ts',
      'scripts',
      'prisma',
      'client/tsconfig.json',
      'client/src',
      'playground',
    ];
    const isSource = (path: string) => basename(path) !== 'dist';
    for (const file of files) cpSync(join(root, file), join(copy, file), { recursive: true, filter: isSource });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    mkdirSync(join(copy, 'src'));
    writeFileSync(join(copy, 'src/main.ts'), server);
  });

  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  /** Starts in the copy, sends SIGTERM once the server is up, and returns the result. */
  async function start(command = 'node', args = ['scripts/start.mjs'], env = {}) {
    const options = { cwd: copy, env: { ...process.env, ...env } };
    const child: ChildProcess = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
      if (stdout.endsWith('up\n')) child.kill('SIGTERM');
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, stdout, stderr };
  }

  const remains = () => readdirSync(copy).filter((name) => name.startsWith('.build'));

  it('builds in a clean checkout, even if several start at once, and all of them run', {
    timeout: 60_000,
  }, async () => {
    const runs = await Promise.all([start(), start(), start()]);
    const first = { code: 7, stdout: 'up\n', stderr: 'Building (first start only) …\n' };
    expect(runs).toEqual([first, first, first]);
    expect(existsSync(join(copy, 'dist/generated/prisma/client.js'))).toBe(true);
    expect(remains()).toEqual([]);
  });

  it('makes a build that every user of the machine can read, such as the one of the image', () => {
    for (const path of ['dist', 'src/generated/prisma', 'client/dist', 'playground/dist'])
      expect(statSync(join(copy, path)).mode, path).toBe(statSync(join(copy, 'src')).mode);
  });

  it('builds nothing the second time', async () => {
    expect(await start()).toEqual({ code: 7, stdout: 'up\n', stderr: '' });
  });

  it('passes SIGTERM through npm to the server, and returns its exit code', { timeout: 20_000 }, async () => {
    expect(await start('npm', ['start', '--silent'])).toMatchObject({ code: 7, stdout: 'up\n' });
  });

  it('gives Node as many pool threads as the image does, unless it is set', { timeout: 20_000 }, async () => {
    const [inImage] = all(read('Dockerfile'), /\bUV_THREADPOOL_SIZE=(\d+)/g);
    writeFileSync(join(copy, 'src/main.ts'), 'console.log(process.env.UV_THREADPOOL_SIZE);');
    const threads = (env: Record<string, string>) => start('npm', ['start', '--silent'], env);
    expect(await threads({ UV_THREADPOOL_SIZE: '' })).toMatchObject({ stdout: `${inImage}\n` });
    expect(await threads({ UV_THREADPOOL_SIZE: '7' })).toMatchObject({ stdout: '7\n' });
  });

  it('builds again after a change', { timeout: 20_000 }, async () => {
    writeFileSync(join(copy, 'src/main.ts'), `${server}\nconsole.log('changed');`);
    const { stdout, stderr } = await start();
    expect(stdout).toContain('changed');
    expect(stderr).toBe('Building what has changed …\n');
  });

  it('prints the errors of the sources and keeps the last good build', { timeout: 20_000 }, async () => {
    const built = readFileSync(join(copy, 'dist/main.js'), 'utf8');
    writeFileSync(join(copy, 'src/main.ts'), 'export const port: number = "a";');
    const { code, stdout, stderr } = await start();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('src/main.ts(1,14): error TS2322');
    expect(readFileSync(join(copy, 'dist/main.js'), 'utf8')).toBe(built);
    expect(remains()).toEqual([]);
  });

  it('says in one line that a build needs the development dependencies', async () => {
    rmSync(join(copy, 'node_modules'));
    expect(await start()).toEqual({
      code: 1,
      stdout: '',
      stderr: 'A build needs the development dependencies: run `npm ci --include=dev` first.\n',
    });
  });

  it('runs an existing build if there are no sources', async () => {
    rmSync(join(copy, 'src'), { recursive: true });
    expect(await start()).toMatchObject({ code: 7, stderr: '' });
  });
});
