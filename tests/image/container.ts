import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import type { BuiltImage } from './build-image.js';

/** What docker-compose.yml says of the service `api`. */
export type Service = {
  environment: Record<string, string>;
  read_only: boolean;
  tmpfs: string;
  cap_drop: string[];
  security_opt: string[];
  volumes: string[];
};

export const service: Service = parse(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8'))
  .services.api;

/**
 * What runs a program in the image as Docker would for this service, with what this machine has for certain: a mount
 * namespace of its own, the image's files read-only, a tmpfs, the volume, the image's user without capabilities or a way
 * to get some. Network, processes and resources are the machine's: those namespaces and limits are not tried here.
 */
const enter = `set -eu
files=$1 volume=$2 tmpfs=$3 user=$4 folder=$5
shift 5
mount --make-rprivate /
mount --bind "$files" "$files"
mount --rbind /dev "$files/dev"
mount --bind /proc "$files/proc"
mount --bind "$volume" "$files$folder/.data"
mount -t tmpfs tmpfs "$files$tmpfs"
mount -o remount,bind,ro "$files"
exec setpriv --no-new-privs --bounding-set -all,+sys_chroot,+setuid,+setgid --inh-caps -all \\
  chroot --userspec "$user" "$files" env -i -C "$folder" "$@"`;

export type Container = {
  /** Starts a program in the image; its process is the child itself, with no shell or init between. */
  start(command: string[]): { child: ChildProcess; lines: string[] };
};

/** @param volume the folder that stands for the volume; it takes its owner from the image, as a new volume does */
export function createContainer({ files, config }: BuiltImage, volume: string, environment: Record<string, string>) {
  mkdirSync(volume, { recursive: true });
  chownSync(volume, 1000, 1000);
  const env = [...config.Env, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
  const given = [files, volume, service.tmpfs, config.User, config.WorkingDir, ...env];
  return {
    start(command: string[]) {
      const child = spawn('unshare', ['--mount', 'sh', '-c', enter, 'enter', ...given, ...command], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const lines: string[] = [];
      for (const input of [child.stdout, child.stderr])
        createInterface({ input }).on('line', (line) => lines.push(line));
      return { child, lines };
    },
  } satisfies Container;
}
