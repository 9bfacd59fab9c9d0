import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hashConcurrency } from '../../../src/passwords/hash-capacity.js';
import { addressKey } from '../../../src/platform/address-key.js';
import { createGate, type Gate, type Turn } from '../../../src/platform/process/gate.js';

const overloaded = expect.objectContaining({ code: 'overloaded' });

/** Work that records when it starts and ends when the test says so. */
function controlledWork(gate: Gate, turn?: Turn) {
  const begun: string[] = [];
  const finish: (() => void)[] = [];
  let most = 0;
  return {
    begun,
    most: () => most,
    ask: (address: string, name = address) => {
      const answer = gate.run(
        addressKey(address),
        () => {
          begun.push(name);
          most = Math.max(most, gate.stats().running);
          return new Promise<string>((resolve) => finish.push(() => resolve(name)));
        },
        turn,
      );
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
      while (gate.stats().running > 0) {
        finish.shift()?.();
        await settle();
      }
    },
  };
}

/** Lets all pending promises continue. */
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
  test('runs at most its number of hashes at once, and all of them in the end', async () => {
    const gate = createGate({ concurrency: 3, queueLimit: 100, deadlineMs: 1000 });
    const work = controlledWork(gate);
    const answers = Array.from({ length: 40 }, (_, n) => work.ask(`192.0.2.${n % 7}`, `hash ${n}`));
    await settle();
    expect(gate.stats()).toEqual({ running: 3, queued: 37 });
    await work.finishAll();
    expect(new Set(await Promise.all(answers)).size).toBe(40);
    expect(work.most()).toBe(3);
    expect(gate.stats()).toEqual({ running: 0, queued: 0 });
  });

  test('gives the place of failed work to the next, also if it throws before it returns a promise', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const failing = [
      gate.run(addressKey('a'), () => Promise.reject(new Error('out of memory'))),
      gate.run(addressKey('a'), () => {
        throw new Error('at once');
      }),
    ];
    const answers = await Promise.allSettled([...failing, gate.run(addressKey('a'), async () => 'fine')]);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.message))).toEqual([
      'out of memory',
      'at once',
      'fine',
    ]);
    expect(gate.stats()).toEqual({ running: 0, queued: 0 });
  });

  test('lets no newcomer overtake those who wait', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (const name of ['first', 'second', 'third']) work.ask('same', name);
    await work.finishOne();
    work.ask('same', 'newcomer');
    await work.finishAll();
    expect(work.begun).toEqual(['first', 'second', 'third', 'newcomer']);
  });

  test('makes an address with one login wait for one hash, not for the 300 of another address', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 500, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (let n = 0; n < 300; n += 1) work.ask('flood');
    work.ask('single');
    await work.finishOne();
    await work.finishOne();
    expect(work.begun).toEqual(['flood', 'flood', 'single']);
    await work.finishAll();
    expect(work.begun).toHaveLength(301);
  });

  test('serves the addresses in turn', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 100, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (const address of ['x', 'a', 'a', 'a', 'b', 'b', 'c']) work.ask(address);
    await work.finishAll();
    expect(work.begun.join('')).toBe('xabcaba');
  });

  test('gives all /64s of an IPv6 /56 and /48 together the turns of one address', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 500, deadlineMs: 1000 });
    const work = controlledWork(gate);
    work.ask('x');
    for (let n = 0; n < 100; n += 1) work.ask(`2001:db8:0:${n.toString(16)}::1`, 'flood of a /56');
    for (let n = 0; n < 100; n += 1) work.ask(`2001:db8:1:${n.toString(16)}00::1`, 'flood of a /48');
    for (let n = 0; n < 3; n += 1) work.ask('192.0.2.1', 'honest');
    for (let n = 0; n < 10; n += 1) await work.finishOne();
    const turn = ['flood of a /56', 'flood of a /48', 'honest'];
    expect(work.begun.slice(0, 10)).toEqual(['x', ...turn, ...turn, ...turn]);
    await work.finishAll();
  });

  test('lets neighbours in one IPv6 /56 take turns, too, and replaces the last of the one with the most', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 4, deadlineMs: 1000 });
    const work = controlledWork(gate);
    work.ask('192.0.2.1', 'x');
    for (const name of ['f1', 'f2', 'f3', 'f4']) work.ask('2001:db8:0:7::1', name);
    work.ask('2001:db8:0:8::1', 'neighbour');
    await work.finishAll();
    expect(work.begun).toEqual(['x', 'f1', 'neighbour', 'f2', 'f3']);
  });

  test('shares a full queue between an address and all /64s of a /48', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (let n = 0; n < 50; n += 1) work.ask(`2001:db8:0:${n.toString(16)}::1`, 'flood');
    for (let n = 0; n < 50; n += 1) work.ask('192.0.2.1', 'site');
    for (let n = 50; n < 99; n += 1) work.ask(`2001:db8:0:${n.toString(16)}::1`, 'flood');
    await work.finishAll();
    expect(work.begun.filter((name) => name === 'site')).toHaveLength(5);
  });

  test('refuses at once when its queue is full, and never runs what it refused', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 2, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (const name of ['runs', 'waits', 'waits too']) work.ask('a', name);
    await expect(work.ask('a', 'refused')).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 2 });
    await work.finishAll();
    expect(work.begun).toEqual(['runs', 'waits', 'waits too']);
  });

  test('without a queue accepts only what can run at once', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 0, deadlineMs: 1000 });
    const work = controlledWork(gate);
    work.ask('a');
    await expect(work.ask('b')).rejects.toEqual(overloaded);
    await work.finishAll();
    expect(work.begun).toEqual(['a']);
  });

  test('makes room for a new address in a full queue by refusing the last of the longest', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 5, deadlineMs: 1000 });
    const work = controlledWork(gate);
    work.ask('flood', 'running');
    const flood = ['f1', 'f2', 'f3', 'f4'].map((name) => work.ask('flood', name));
    work.ask('other');
    work.ask('newcomer');
    await expect(flood[3]).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 5 });
    await work.finishAll();
    expect(work.begun).toEqual(['running', 'f1', 'other', 'newcomer', 'f2', 'f3']);
  });

  test('refuses the newcomer if a full queue is already shared evenly', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 3, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (const address of ['x', 'a', 'b', 'c']) work.ask(address);
    await expect(work.ask('d')).rejects.toEqual(overloaded);
    await expect(work.ask('a')).rejects.toEqual(overloaded);
    await work.finishAll();
    expect(work.begun).toEqual(['x', 'a', 'b', 'c']);
  });

  test('gives a flood from one address no more than its share of a full queue', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 1000 });
    const work = controlledWork(gate);
    for (let n = 0; n < 50; n += 1) work.ask('flood');
    for (let n = 0; n < 50; n += 1) work.ask('site');
    for (let n = 0; n < 50; n += 1) work.ask('flood');
    await work.finishAll();
    expect(work.begun.filter((address) => address === 'site')).toHaveLength(5);
    expect(work.begun).toHaveLength(11);
  });

  test('refuses work that has waited until the deadline, and never runs it', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 500 });
    const work = controlledWork(gate);
    work.ask('a', 'long');
    const late = work.ask('b', 'late');
    vi.advanceTimersByTime(499);
    expect(gate.stats()).toEqual({ running: 1, queued: 1 });
    vi.advanceTimersByTime(1);
    await expect(late).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 0 });
    await work.finishAll();
    expect(work.begun).toEqual(['long']);
  });

  test('does not stop a running hash at the deadline', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 10, deadlineMs: 500 });
    const work = controlledWork(gate);
    const first = work.ask('a', 'first');
    const second = work.ask('a', 'second');
    await work.finishOne();
    vi.advanceTimersByTime(10_000);
    await work.finishAll();
    expect(await Promise.all([first, second])).toEqual(['first', 'second']);
  });

  test('refuses at once what would wait too long, as measured', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 100, deadlineMs: 1000 });
    const work = controlledWork(gate, { expense: { memoryBytes: 0, milliseconds: 200 } });
    const answers = ['runs', 'waits', '2', '3', '4'].map((name) => work.ask('a', name));
    await expect(answers[4]).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 3 });
    const other = work.ask('b');
    await expect(answers[3]).rejects.toEqual(overloaded);
    await work.finishAll();
    await expect(other).resolves.toBe('b');
  });

  test('refuses a crowd before anything is looked up for it, but not an address that has nothing there', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 100, deadlineMs: 1000 });
    const expense = { memoryBytes: 0, milliseconds: 200 };
    const arrive = Array.from({ length: 3 }, () => gate.announce(addressKey('crowd'), expense));
    expect(() => gate.announce(addressKey('crowd'), expense)).toThrow(overloaded);
    gate.announce(addressKey('single'), expense)();
    for (const one of arrive) one();
    expect(() => gate.announce(addressKey('crowd'), expense)).not.toThrow();
  });

  test('forgets who has gone away', async () => {
    const gate = createGate({ concurrency: 1, queueLimit: 100, deadlineMs: 1000 });
    let leave = () => {};
    const work = controlledWork(gate, {
      whenGone(listener) {
        leave = listener;
        return () => undefined;
      },
    });
    work.ask('a', 'runs');
    const gone = work.ask('a', 'gone');
    await settle();
    leave();
    await expect(gone).rejects.toEqual(overloaded);
    expect(gate.stats()).toEqual({ running: 1, queued: 0 });
    await work.finishAll();
    expect(work.begun).toEqual(['runs']);
  });

  test('keeps a place free for others beside dear work, and lets them pass it', async () => {
    const gate = createGate({ concurrency: 2, queueLimit: 100, deadlineMs: 1000 });
    const dear = controlledWork(gate, { isDear: true });
    const other = controlledWork(gate);
    for (const address of ['a', 'b', 'c']) dear.ask(address);
    await settle();
    expect(gate.stats()).toEqual({ running: 1, queued: 2 });
    other.ask('d');
    other.ask('e');
    await settle();
    expect(other.begun).toEqual(['d']);
    await other.finishOne();
    expect([dear.begun, other.begun]).toEqual([['a'], ['d', 'e']]);
    await other.finishOne();
    expect(gate.stats()).toEqual({ running: 1, queued: 2 });
    await dear.finishAll();
    expect(dear.begun).toEqual(['a', 'b', 'c']);
  });

  test('runs work that needs much of the memory alone, and lets nobody overtake it', async () => {
    const gate = createGate({ concurrency: 2, queueLimit: 100, memoryBytes: 200, deadlineMs: 1000 });
    const small = controlledWork(gate, { expense: { memoryBytes: 100, milliseconds: 0 } });
    const large = controlledWork(gate, { expense: { memoryBytes: 150, milliseconds: 0 } });
    small.ask('a');
    large.ask('b');
    small.ask('c');
    await settle();
    expect(gate.stats()).toEqual({ running: 1, queued: 2 });
    await small.finishOne();
    expect(gate.stats()).toEqual({ running: 1, queued: 1 });
    await large.finishOne();
    await small.finishAll();
    expect([small.begun, large.begun]).toEqual([['a', 'c'], ['b']]);
  });
});

describe('the default number of hashes at once', () => {
  const [MiB, GiB] = [2 ** 20, 2 ** 30];
  const machine = { cores: 4, memoryBytes: 16 * GiB, memoryPerHashBytes: 19 * MiB, poolThreads: 16 };

  test('is the number of cores', () => {
    expect(hashConcurrency(machine)).toBe(4);
  });

  test('is at most what fits in a quarter of the memory', () => {
    expect(hashConcurrency({ ...machine, memoryBytes: 256 * MiB })).toBe(3);
    expect(hashConcurrency({ ...machine, memoryPerHashBytes: 2 * GiB })).toBe(2);
  });

  test('is at most the number of whole cores, because a container that uses up its quota is paused', () => {
    expect(hashConcurrency({ ...machine, cores: 2.5 })).toBe(2);
  });

  test('leaves two threads of the pool for DNS, files and crypto', () => {
    expect(hashConcurrency({ ...machine, cores: 64 })).toBe(14);
    expect(hashConcurrency({ ...machine, cores: 64, poolThreads: 4 })).toBe(2);
  });

  test('is at least one', () => {
    expect(hashConcurrency({ ...machine, memoryBytes: 8 * MiB })).toBe(1);
    expect(hashConcurrency({ ...machine, cores: 0.5 })).toBe(1);
    expect(hashConcurrency({ ...machine, poolThreads: 1 })).toBe(1);
  });
});
