import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { addressKey } from '../../../src/platform/address-key.js';
import { memoryCounter } from '../../../src/platform/limits/counters.js';
import { createOutage, withoutFail } from '../../../src/platform/limits/fallback.js';
import { createLimit, type Taken } from '../../../src/platform/limits/limit.js';
import { createWindowCounter } from '../../../src/platform/limits/window-counter.js';

const policy = { name: 'test', points: 2, seconds: 60 };

describe('A limit', () => {
  const inMemory = () => createLimit(policy, memoryCounter(policy), false);

  it('makes new attempts wait for those in progress, and refuses them if no point is given back', async () => {
    const limit = inMemory();
    const first = (await limit.take('k')) as Taken;
    const second = (await limit.take('k')) as Taken;
    const waiting = [limit.take('k'), limit.take('k')];
    await sleep(20);
    await first.settle(false);
    const third = (await waiting[0]) as Taken;
    expect(third.allowed).toBe(true);
    await Promise.all([second.settle(true), third.settle(true)]);
    expect(await waiting[1]).toMatchObject({ allowed: false, msLeft: expect.any(Number) });
    expect(await limit.takeNow('k')).toMatchObject({ allowed: false });
    expect(await limit.take('other')).toMatchObject({ allowed: true, left: 1 });
  });

  it('gives a point back once, even if it is settled several times', async () => {
    const limit = inMemory();
    const point = (await limit.take('k')) as Taken;
    await Promise.all([point.settle(false), point.settle(false), point.settle(true)]);
    expect(await limit.take('k')).toMatchObject({ left: 1 });
  });

  it('stops waiting for attempts that are never settled', { timeout: 10_000 }, async () => {
    const limit = inMemory();
    await Promise.all([limit.take('k'), limit.take('k')]);
    await expect(limit.take('k')).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('asks a shared store once a second about a key that is used up', async () => {
    const counter = memoryCounter(policy);
    const add = vi.spyOn(counter, 'add');
    const limit = createLimit(policy, counter, true);
    for (let n = 0; n < 2; n++) await ((await limit.take('k')) as Taken).settle(true);
    // Two more lookups, in case another instance gives a point back.
    expect(await limit.take('k')).toMatchObject({ allowed: false });
    expect(add).toHaveBeenCalledTimes(5);
    await Promise.all(Array.from({ length: 500 }, () => limit.take('k')));
    expect(add).toHaveBeenCalledTimes(5);
    await sleep(1_050);
    await Promise.all(Array.from({ length: 500 }, () => limit.take('k')));
    expect(add).toHaveBeenCalledTimes(6);
  });
});

describe('A store that fails', () => {
  it('is asked again once a second, by one caller', async () => {
    const lines: string[] = [];
    const log = {
      warn: (_: object, line: string) => void lines.push(line),
      info: (_: object, line: string) => void lines.push(line),
    };
    const store = { add: vi.fn().mockRejectedValue(new Error('away')) };
    const memory = memoryCounter(policy);
    const counter = withoutFail(store, memory, createOutage(log));
    for (let n = 1; n <= 5; n++) expect((await counter.add('k')).points).toBe(n);
    expect(store.add).toHaveBeenCalledTimes(1);
    await sleep(1_050);
    await Promise.all(Array.from({ length: 20 }, () => counter.add('k')));
    expect(store.add).toHaveBeenCalledTimes(2);
    expect(lines).toHaveLength(1);
    store.add.mockResolvedValue({ points: 1, msLeft: 1, undo: async () => undefined });
    await sleep(1_050);
    expect((await counter.add('k')).points).toBe(1);
    expect(lines).toHaveLength(2);
  });
});

describe('A window counter', () => {
  it('remembers so many keys and no more, the oldest going first (E-P4)', () => {
    const counter = createWindowCounter(60_000, 1_000);
    for (let n = 0; n < 100_000; n++) counter.add(`key-${n}`);
    expect(counter.size()).toBe(1_000);
    expect(counter.add('key-99999').points).toBe(2);
    expect(counter.add('key-0').points).toBe(1);
  });

  it('forgets ended windows when new keys come, without a timer', () => {
    vi.useFakeTimers();
    const counter = createWindowCounter(1_000, 1_000);
    for (let n = 0; n < 100; n++) counter.add(`old-${n}`);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    for (let n = 0; n < 100; n++) counter.add(`new-${n}`);
    expect(counter.size()).toBe(100);
    expect(counter.add('old-0').points).toBe(1);
    vi.useRealTimers();
  });
});

describe('The key of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:192.0.2.1', '2001:db8:1:2::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['', ''],
  ])('for %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});
