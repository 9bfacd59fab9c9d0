import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cgroupLimits } from '../../../src/platform/process/cgroup.js';

const GiB = 2 ** 30;

/** The limits on a machine that has only these files. */
function limitsWith(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'gatelatch-cgroup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return cgroupLimits(root);
}

describe('The limits of a container', () => {
  it('are read from control groups version 2', () => {
    const files = {
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/cpu.max': '150000 100000',
      'sys/fs/cgroup/memory.max': String(2 * GiB),
    };
    expect(limitsWith(files)).toEqual({ cores: 1.5, memoryBytes: 2 * GiB });
  });

  it('are absent if the files say max', () => {
    const files = {
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/cpu.max': 'max 100000',
      'sys/fs/cgroup/memory.max': 'max',
    };
    expect(limitsWith(files)).toEqual({ cores: undefined, memoryBytes: undefined });
  });

  it('are the tightest of its own group and the groups above', () => {
    const files = {
      'proc/self/cgroup': '0::/system.slice/gatelatch.service',
      'sys/fs/cgroup/system.slice/cpu.max': '200000 100000',
      'sys/fs/cgroup/system.slice/memory.max': String(GiB),
      'sys/fs/cgroup/system.slice/gatelatch.service/cpu.max': 'max 100000',
      'sys/fs/cgroup/system.slice/gatelatch.service/memory.max': String(4 * GiB),
      'sys/fs/cgroup/other.slice/cpu.max': '10000 100000',
    };
    expect(limitsWith(files)).toEqual({ cores: 2, memoryBytes: GiB });
  });

  it('are read from control groups version 1, by the path of each controller', () => {
    const files = {
      'proc/self/cgroup': '7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc',
      'sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '300000',
      'sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': String(GiB),
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    };
    expect(limitsWith(files)).toEqual({ cores: 3, memoryBytes: GiB });
  });

  it('are read from the root if the container does not see its own path', () => {
    const files = {
      'proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n7:memory:/docker/abc',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': String(GiB),
    };
    expect(limitsWith(files)).toEqual({ cores: 0.5, memoryBytes: GiB });
  });

  it('are absent in version 1 if the quota is -1 and the memory limit is larger than any memory', () => {
    const files = {
      'proc/self/cgroup': '4:cpu:/\n7:memory:/',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    };
    expect(limitsWith(files)).toEqual({ cores: undefined, memoryBytes: undefined });
  });

  it('are absent if there are no control groups', () => {
    expect(limitsWith({})).toEqual({ cores: undefined, memoryBytes: undefined });
  });
});
