import type { Stats } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';
import { StartError } from '../../errors.js';

const groupAndOthers = 0o077;
const writeForOthers = 0o002;
const writeForGroupAndOthers = 0o022;
const sticky = 0o1000;

/**
 * Takes all rights to a file or directory from group and others, which an earlier version, a restored copy or a volume
 * may have left them.
 * @throws StartError if others still have some
 */
export async function makePrivate(path: string): Promise<void> {
  if (await without(groupAndOthers, path, ({ mode }) => (mode & 0o007) === 0)) return;
  throw new StartError(
    `${path} is open to other users of this machine. Let it belong to the user of the server: chmod go= ${path}`,
  );
}

/**
 * Lets nobody else put files into a directory, or take ours away. The group of a volume may keep its right where only
 * root could take it.
 * @throws StartError if all users of the machine still can
 */
export async function makeUnwritable(dir: string): Promise<void> {
  if (await without(writeForGroupAndOthers, dir, isSafeFromOthers)) return;
  throw new StartError(`Every user of this machine can write into ${dir}. Take that right away: chmod go-w ${dir}`);
}

/** In a sticky directory, such as /tmp, nobody can remove or replace a file of somebody else. */
export function isSafeFromOthers({ mode }: Pick<Stats, 'mode'>): boolean {
  return process.platform === 'win32' || (mode & writeForOthers) === 0 || (mode & sticky) !== 0;
}

async function without(rights: number, path: string, isEnough: (file: Stats) => boolean): Promise<boolean> {
  if (process.platform === 'win32') return true;
  const { mode } = await stat(path);
  // A directory like /tmp belongs to all.
  if ((mode & rights) === 0 || (mode & sticky) !== 0) return isEnough(await stat(path));
  await chmod(path, mode & 0o7777 & ~rights).catch(() => undefined);
  return isEnough(await stat(path));
}
