import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type CgroupLimits = { cores: number | undefined; memoryBytes: number | undefined };

/**
 * The strictest limits of a container or systemd service, from the process's own group up to the root. Node ignores
 * quotas: `os.availableParallelism()` counts all cores.
 * @param root where `/proc` and `/sys` are
 */
export function cgroupLimits(root = '/'): CgroupLimits {
  const groups = (read(root, 'proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const folders = (mount: string, controller: string) =>
    foldersOf(join(root, 'sys/fs/cgroup', mount), groups, controller);
  // If both versions are mounted, only one of them has the controller's files.
  const unified = folders('', '');
  return {
    cores: least([...unified.map(coresOfV2), ...folders('cpu', 'cpu').map(coresOfV1)]),
    memoryBytes: least([
      ...unified.map((folder) => bytesOf(read(folder, 'memory.max'))),
      ...folders('memory', 'memory').map((folder) => bytesOf(read(folder, 'memory.limit_in_bytes'))),
    ]),
  };
}

/** The group's folder and all above it. Inside a container its path may be invisible: then the root is the group. */
function foldersOf(mount: string, groups: string[][], controller: string): string[] {
  const group = groups.find(([, controllers]) => controllers?.split(',').includes(controller));
  const names = (group?.[2] ?? '').split('/').filter((name) => name !== '' && name !== '..');
  return [mount, ...names.map((_, n) => join(mount, ...names.slice(0, n + 1)))];
}

/** `<quota> <period>` in microseconds, or `max <period>`. */
function coresOfV2(folder: string): number | undefined {
  const [quota, period] = (read(folder, 'cpu.max') ?? '').split(' ').map(Number);
  return quota && period ? quota / period : undefined;
}

/** A quota of -1 means none. */
function coresOfV1(folder: string): number | undefined {
  const quota = Number(read(folder, 'cpu.cfs_quota_us'));
  const period = Number(read(folder, 'cpu.cfs_period_us'));
  return quota > 0 && period > 0 ? quota / period : undefined;
}

/** Without a limit, version 2 says `max`, version 1 a number larger than any memory. */
function bytesOf(text: string | undefined): number | undefined {
  const bytes = Number(text);
  return bytes > 0 && bytes < 2 ** 60 ? bytes : undefined;
}

function least(values: (number | undefined)[]): number | undefined {
  const limits = values.filter((value) => value !== undefined);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** The file exists only on Linux. */
function read(...path: [string, ...string[]]): string | undefined {
  try {
    return readFileSync(join(...path), 'utf8').trim();
  } catch {
    return undefined;
  }
}
