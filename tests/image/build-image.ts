import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { install, run } from './programs.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = { base: 'localhost/gatelatch-node', image: 'localhost/gatelatch' };

export type ImageConfig = { User: string; Env: string[]; Entrypoint: string[]; Cmd: string[]; WorkingDir: string };

export type BuiltImage = {
  /** Its files, as a folder. */
  files: string;
  config: ImageConfig & { Volumes: Record<string, unknown>; Healthcheck: { Test: string[] } };
  /** In bytes: of the whole, and of what the Dockerfile adds to its base. */
  size: { whole: number; added: number };
  remove(): void;
};

/**
 * Builds the Dockerfile as it stands, without a container engine and without a registry of images. The base that stands
 * for Node's slim image is Debian by debootstrap with the Node that runs this. Needs Linux and root.
 */
export async function buildImage(): Promise<BuiltImage> {
  await install('buildah', 'debootstrap');
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-image-'));
  const store = ['--root', join(dir, 'store'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
  const buildah = (command: string, ...args: string[]) => run('buildah', [...store, command, ...args], { cwd: root });
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    const made = await makeBase(dir);
    const base = await buildah('from', 'scratch');
    await buildah('add', base, made, '/');
    await buildah('commit', '--rm', base, names.base);
    rmSync(made, { recursive: true });

    const building = ['--isolation', 'chroot', '--pull-never', '--layers=false', '--format', 'docker'];
    const given = ['--build-arg', `NODE_IMAGE=${names.base}`, ...npmOfThisMachine(dir)];
    await buildah('bud', ...building, ...given, '--tag', names.image, '.');
    const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', names.image));
    const container = await buildah('from', '--pull-never', names.image);
    const files = await buildah('mount', container);
    const whole = await sizeOf(names.image);
    const added = whole - (await sizeOf(names.base));
    return { files, config: Docker.config, size: { whole, added }, remove };
  } catch (error) {
    remove();
    throw error;
  }

  async function sizeOf(name: string): Promise<number> {
    const container = await buildah('from', '--pull-never', name);
    const [kilobytes] = (await run('du', ['-skx', await buildah('mount', container)])).split('\t');
    return Number(kilobytes) * 1024;
  }
}

/** What Node's slim image has: Debian without what Debian's slim image leaves out, Node, npm, headers, the user "node". */
async function makeBase(dir: string): Promise<string> {
  const made = join(dir, 'base');
  await run('debootstrap', ['--variant=minbase', 'bookworm', made]);
  for (const path of [
    'var/cache/apt/archives',
    'var/lib/apt/lists',
    'usr/share/doc',
    'usr/share/man',
    'usr/share/locale',
  ])
    rmSync(join(made, path), { recursive: true, force: true });
  mkdirSync(join(made, 'var/cache/apt/archives/partial'), { recursive: true });

  const local = (path: string) => join(made, 'usr/local', path);
  cpSync(process.execPath, local('bin/node'));
  const modules = await run('npm', ['root', '--global']);
  cpSync(join(modules, 'npm'), local('lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', local('bin/npm'));
  const headers = join(dirname(process.execPath), '../include/node');
  if (!existsSync(headers)) throw new Error(`The headers of Node are missing: ${headers}`);
  cpSync(headers, local('include/node'), { recursive: true });
  // What is mounted over them is never in a layer.
  mkdirSync(local('etc'), { recursive: true });
  for (const name of ['npmrc', 'npm-ca.pem']) writeFileSync(local(`etc/${name}`), '');
  await run('chroot', [made, 'groupadd', '--gid', '1000', 'node']);
  await run('chroot', [made, 'useradd', '--uid', '1000', '--gid', 'node', '--create-home', 'node']);
  return made;
}

/** npm's settings and certificates of this machine, seen by the steps of the build and kept in no image. */
function npmOfThisMachine(dir: string): string[] {
  const own = join(homedir(), '.npmrc');
  const fromFile = existsSync(own) ? readFileSync(own, 'utf8').split('\n') : [];
  const fromEnvironment = Object.entries(process.env).flatMap(([name, value]) => {
    const [, setting] = /^npm_config_(registry|https?_proxy|noproxy|\/\/.+)$/i.exec(name) ?? [];
    return setting === undefined ? [] : [`${setting.toLowerCase().replace('_', '-')}=${value}`];
  });
  // Paths of this machine.
  const settings = fromFile.filter((line) => !/^\s*(nodedir|prefix|cache|cafile)\s*=/.test(line));
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  const certificates = [...rootCertificates, extra === undefined ? '' : readFileSync(extra, 'utf8')];
  const [npmrc, ca] = [join(dir, 'npmrc'), join(dir, 'ca.pem')];
  writeFileSync(npmrc, [...settings, ...fromEnvironment, 'cafile=/usr/local/etc/npm-ca.pem', ''].join('\n'));
  writeFileSync(ca, certificates.join('\n'));
  return ['--volume', `${npmrc}:/usr/local/etc/npmrc:ro`, '--volume', `${ca}:/usr/local/etc/npm-ca.pem:ro`];
}
