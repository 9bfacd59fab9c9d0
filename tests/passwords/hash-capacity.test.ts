import { availableParallelism } from 'node:os';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { hashCapacity } from '../../src/passwords/hash-capacity.js';

function capacityWith(environment: Record<string, string>) {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  return { ...hashCapacity(parseConfig(environment), log), warnings: lines };
}

describe('The number of hashes at once', () => {
  it('comes from this machine, and leaves two threads for everything else', () => {
    const { concurrency, warnings } = capacityWith({});
    expect(concurrency).toBeGreaterThanOrEqual(1);
    expect(concurrency).toBeLessThanOrEqual(Math.min(2, availableParallelism()));
    expect(warnings).toEqual([]);
  });

  it('is HASH_CONCURRENCY if that is set, and HASH_QUEUE is how many can wait', () => {
    const environment = { HASH_CONCURRENCY: '7', HASH_QUEUE: '20', UV_THREADPOOL_SIZE: '9' };
    expect(capacityWith(environment)).toMatchObject({ concurrency: 7, queueLimit: 20, warnings: [] });
  });

  it('causes a warning if it leaves fewer than two threads', () => {
    const { concurrency, warnings } = capacityWith({ HASH_CONCURRENCY: '3' });
    expect(concurrency).toBe(3);
    expect(warnings).toEqual([expect.stringContaining('raise UV_THREADPOOL_SIZE')]);
  });
});
