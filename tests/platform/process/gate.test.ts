import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hashConcurrency } from '../../../src/passwords/hash-capacity.js';
import { createGate, type Gate } from '../../../src/platform/process/gate.js';

const overloaded = expect.objectContaining({ code: 'overloaded' });

/** Work that notes when it begins and ends when told to. */
function workshop(gate: Gate) {
  const begun: string[] = [];
  const finish: (() => void)[] = [];
  let most = 0;
  return {
    begun,
    most: () => most,
    ask: (address: string, name = address) => {
      const answer = gate.run(address, () => {
        begun.push(name);
        most = Math.max(most, gate.stats().running);
        return new Promise<string>((resolve) => finish.push(() => resolve(name)));
      });
      answer.catch(() => undefined);
      return answer;
    },
    finishOne: async () => {
      await settle();
      finish.shift()?.();
      await settle();
    },
    finishAll: async () => {
      await settle();
      while (finish.length > 0) {
        finish.shift()?.();
        await settle();
      }
    },
  };
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  expect(vi.getTimerCount(), 'no timer is left behind').toBe(0);
  vi.useRealTimers();
});

describe('the hash gate', () => {
  test('runs no more than its number at once, and all in the end (E-L1)', async () => {
    const gate = createGate({ concurrency: 3, queueLimit: 100, deadlineMs: 1000 });
    const shop = workshop(gate);
    const answers = Array.from({ length: 40 }, (_, n) => shop.ask(`192.0.2.${n % 7}`, `hash ${n}`));
    await settle();
    expect(gate.stats()).toEqual({ running: 3, queued: 37 });
    await shop.finishAll();
    expect(new Set(await Promise.all(answers)).size).toBe(40);
    expect(shop.most()).toBe(3);
    expect(gate.stats()).toEqual({ running: 0, queued: 0 });
  });

  test('gives the place of work that fails, or throws before it returns a promise, to the next', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const failing = [
      gate.run('a', () => Promise.reject(new Error('out of memory'))),
      gate.run('a', () => {
        throw new Error('at once');
      }),
    ];
    const answers = await Promise.allSettled([...failing, gate.run('a', async () => 'fine')]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.message))).toEqual([
      'out of memory',
      'at once',
      'fine',
    ]);
    expect(gate.stats()).toEqual({ running: 0, queued: 0 });
  });

  test('lets no newcomer pass those who wait', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (const name of ['first', 'second', 'third']) shop.ask('same', name);
    await shop.finishOne();
    shop.ask('same', 'newcomer');
    await shop.finishAll();
    expect(shop.begun).toEqual(['first', 'second', 'third', 'newcomer']);
  });

  test('lets an address with one login wait for one hash, not for the 300 of another address', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 500, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (let n = 0; n < 300; n += 1) shop.ask('flood');
    shop.ask('single');
    await shop.finishOne();
    await shop.finishOne();
    expect(shop.begun).toEqual(['flood', 'flood', 'single']);
    await shop.finishAll();
    expect(shop.begun).toHaveLength(301);
  });

  test('takes the addresses in turn', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 100, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (const address of ['x', 'a', 'a', 'a', 'b', 'b', 'c']) shop.ask(address);
    await shop.finishAll();
    expect(shop.begun.join('')).toBe('xabcaba');
  });

  test('past the bound of the queue it refuses at once, and never runs what it refused', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 2, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (const name of ['runs', 'waits', 'waits too']) shop.ask('a', name);
    await expect(shop.ask('a', 'refused')).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 2 });
    await shop.finishAll();
    expect(shop.begun).toEqual(['runs', 'waits', 'waits too']);
  });

  test('without a queue, only what can run at once is let in', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 0, deadlineMs: 1000 });
    const shop = workshop(gate);
    shop.ask('a');
    await expect(shop.ask('b')).rejects.toEqual(overloaded);
    await shop.finishAll();
    expect(shop.begun).toEqual(['a']);
  });

  test('a full queue makes room for a new address by sending away the last of the fullest', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 5, deadlineMs: 1000 });
    const shop = workshop(gate);
    shop.ask('flood', 'running');
    const flood = ['f1', 'f2', 'f3', 'f4'].map((name) => shop.ask('flood', name));
    shop.ask('other');
    shop.ask('newcomer');
    await expect(flood[3]).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 5 });
    await shop.finishAll();
    expect(shop.begun).toEqual(['running', 'f1', 'other', 'newcomer', 'f2', 'f3']);
  });

  test('a full queue that is shared out evenly refuses the newcomer instead of passing the refusal round', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 3, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (const address of ['x', 'a', 'b', 'c']) shop.ask(address);
    await expect(shop.ask('d')).rejects.toEqual(overloaded);
    await expect(shop.ask('a')).rejects.toEqual(overloaded);
    await shop.finishAll();
    expect(shop.begun).toEqual(['x', 'a', 'b', 'c']);
  });

  test('a flood from one address gets no more than its share of a full queue, however much it asks', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const shop = workshop(gate);
    for (let n = 0; n < 50; n += 1) shop.ask('flood');
    for (let n = 0; n < 50; n += 1) shop.ask('site');
    for (let n = 0; n < 50; n += 1) shop.ask('flood');
    await shop.finishAll();
    expect(shop.begun.filter((address) => address === 'site')).toHaveLength(5);
    expect(shop.begun).toHaveLength(11);
  });

  test('one who has waited for the deadline is refused, and its work never runs', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 500 });
    const shop = workshop(gate);
    shop.ask('a', 'long');
    const late = shop.ask('b', 'late');
    vi.advanceTimersByTime(499);
    expect(gate.stats()).toEqual({ running: 1, queued: 1 });
    vi.advanceTimersByTime(1);
    await expect(late).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 0 });
    await shop.finishAll();
    expect(shop.begun).toEqual(['long']);
  });

  test('a hash that has begun is not cut short by the deadline', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 500 });
    const shop = workshop(gate);
    const first = shop.ask('a', 'first');
    const second = shop.ask('a', 'second');
    await shop.finishOne();
    vi.advanceTimersByTime(10_000);
    await shop.finishAll();
    expect(await Promise.all([first, second])).toEqual(['first', 'second']);
  });
});

describe('how many hashes run at once by default', () => {
  const [MiB, GiB] = [2 ** 20, 2 ** 30];
  const machine = { cores: 4, memoryBytes: 16 * GiB, memoryPerHashBytes: 19 * MiB, poolThreads: 16 };

  test('as many as there are cores', () => {
    expect(hashConcurrency(machine)).toBe(4);
  });

  test('no more than fit in a quarter of the memory', () => {
    expect(hashConcurrency({ ...machine, memoryBytes: 256 * MiB })).toBe(3);
    expect(hashConcurrency({ ...machine, memoryPerHashBytes: 2 * GiB })).toBe(2);
  });

  test('no more than whole cores: whoever has used up a quota is stopped as a whole', () => {
    expect(hashConcurrency({ ...machine, cores: 2.5 })).toBe(2);
  });

  test('two threads of the pool stay free for dns, fs and crypto', () => {
    expect(hashConcurrency({ ...machine, cores: 64 })).toBe(14);
    expect(hashConcurrency({ ...machine, cores: 64, poolThreads: 4 })).toBe(2);
  });

  test('always at least one', () => {
    expect(hashConcurrency({ ...machine, memoryBytes: 8 * MiB })).toBe(1);
    expect(hashConcurrency({ ...machine, cores: 0.5 })).toBe(1);
    expect(hashConcurrency({ ...machine, poolThreads: 1 })).toBe(1);
  });
});
