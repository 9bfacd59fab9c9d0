import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { ask, logIn, signUp, welcome } from '../support/instance.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { type BuiltImage, buildImage } from './build-image.js';
import { createContainer, service } from './container.js';

let image: BuiltImage;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatelatch-container-'));
  image = await buildImage();
}, 1_200_000);
afterAll(() => {
  image?.remove();
  rmSync(folder, { recursive: true, force: true });
});

const megabytes = (bytes: number) => Math.round(bytes / 1e6);
const inImage = (path: string) => join(image.files, path);

describe('The image', () => {
  it('adds at most 110 MB to Node’s image, and is below 400 MB', () => {
    const { whole, added } = image.size;
    process.stdout.write(`  the image: ${megabytes(whole)} MB, of them ${megabytes(added)} on top of its base\n`);
    expect(megabytes(added)).toBeLessThanOrEqual(110);
    expect(megabytes(whole)).toBeLessThan(400);
  });

  it('has what runs the server, and no sources, tools or settings of the machine that built it', () => {
    expect(readdirSync(inImage('app')).sort()).toEqual(
      [
        ['.data', 'argon2-avx2', 'client', 'dist', 'docker-entrypoint.sh'],
        ['node_modules', 'package.json', 'playground', 'prisma'],
      ].flat(),
    );
    for (const name of ['typescript', 'prisma', 'vitest', '@biomejs/biome'])
      expect(existsSync(inImage(`app/node_modules/${name}`)), name).toBe(false);
    for (const name of ['npmrc', 'npm-ca.pem']) expect(readFileSync(inImage(`usr/local/etc/${name}`), 'utf8')).toBe('');
    expect(existsSync(inImage('root/.npmrc'))).toBe(false);
    expect(readdirSync(inImage('app/.data'))).toEqual([]);
  });

  it.runIf(process.arch === 'x64')('has an argon2 that is compiled for AVX2', () => {
    expect(statSync(inImage('app/argon2-avx2/build/Release/argon2.node')).size).toBeGreaterThan(0);
  });
});

describe('A container as docker-compose.yml has it', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
    const client = new pg.Client(cluster.url);
    await client.connect();
    await client.query("CREATE ROLE gatelatch LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '-'");
    await client.query('CREATE DATABASE gatelatch OWNER gatelatch');
    await client.end();
  });
  afterAll(() => cluster.remove());

  /** The service's own settings, with what `.env` and Docker's network would bring. */
  async function environment(): Promise<Record<string, string>> {
    const url = new URL(cluster.url);
    return {
      ...service.environment,
      PORT: String(await freePort()),
      HOST: '127.0.0.1',
      AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
      PGPASSWORD: '-',
      DATABASE_URL: `${service.environment.DATABASE_URL}`.replace('@postgres:5432', `@${url.host}`),
    };
  }

  it('is healthy, signs up and logs in as a user without rights, and ends with 0 at SIGTERM', async () => {
    expect(service).toMatchObject({ read_only: true, tmpfs: '/tmp', cap_drop: ['ALL'], volumes: ['data:/app/.data'] });
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(Object.keys(image.config.Volumes)).toEqual(['/app/.data']);
    const env = await environment();
    const container = createContainer(image, join(folder, 'data'), env);
    const { child, lines } = container.start([...image.config.Entrypoint, ...image.config.Cmd]);
    const ended = once(child, 'exit');
    try {
      const [kind, ...check] = image.config.Healthcheck.Test;
      expect(kind).toBe('CMD');
      const healthy = async () => (await once(container.start(check).child, 'exit'))[0];
      await expect.poll(healthy, { timeout: 60_000, message: lines.join('\n') }).toBe(0);

      const to = { url: `http://127.0.0.1:${env.PORT}` };
      const { username, access } = await signUp(to);
      expect((await welcome(to, access)).status).toBe(200);
      expect((await welcome(to, (await logIn(to, username)).access)).status).toBe(200);
      const wrong = { username, password: `${goodPassword}-` };
      expect((await ask(to, 'POST /auth/login', { body: wrong })).status).toBe(401);
      expect((await ask(to, 'GET /readyz')).status).toBe(200);

      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0').slice(0, 2)).toEqual(image.config.Cmd);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended, lines.join('\n')).toEqual([0, null]);
  });

  it('can write to its volume and /tmp, and to nothing else', async () => {
    const container = createContainer(image, join(folder, 'writes'), await environment());
    const write = 'for d in /app/.data /tmp /app /usr /home/node; do (: >$d/x) 2>/dev/null && echo $d; done';
    const { child, lines } = container.start(['sh', '-c', write]);
    await once(child, 'close');
    expect(lines).toEqual(['/app/.data', '/tmp']);
  });

  it.runIf(/\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8')))('takes the argon2 of this processor', async () => {
    const container = createContainer(image, join(folder, 'argon2'), await environment());
    const { child, lines } = container.start([...image.config.Entrypoint, 'node', '-p', 'process.env.ARGON2_PREBUILD']);
    await once(child, 'close');
    expect(lines).toEqual(['/app/argon2-avx2']);
  });
});
