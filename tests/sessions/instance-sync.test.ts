import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Database } from '../../src/platform/db/database.js';
import type { Channels } from '../../src/platform/db/listen.js';
import { type InstanceSync, type Subscribers, startInstanceSync } from '../../src/sessions/instance-sync.js';

/** Runs the sync on a fake database, because a real server cannot be made to fail at each of these moments. */
async function start(
  how: 'listen' | 'poll',
  overrides: { load?: () => Promise<void>; reload?: () => Promise<void> } = {},
) {
  const listeners: { channels: Channels; say(message: string): void; lose(): void; deaf: boolean; closed: boolean }[] =
    [];
  const database = {
    kind: 'server',
    listen: async (channels: Channels, onLost: (error: Error) => void) => {
      const listener = {
        channels,
        say: (message: string) => channels.gatelatch?.(message),
        lose: () => onLost(new Error('cut')),
        deaf: false,
        closed: false,
      };
      listeners.push(listener);
      return {
        close: async () => {
          listener.closed = true;
        },
      };
    },
    notify: async (channel: string, payload: string) => {
      for (const { channels, deaf, closed } of listeners) if (!deaf && !closed) channels[channel]?.(payload);
    },
  } as unknown as Database;
  const load = vi.fn(overrides.load ?? (async () => {}));
  const loadSince = vi.fn(async () => {});
  const loadUser = vi.fn(async () => {});
  const add = vi.fn();
  const reloadKeys = vi.fn(overrides.reload ?? (async () => {}));
  const revocations = { add, load, loadSince, loadUser, isComplete: () => true };
  const subscribers = { revocations, reloadKeys } as unknown as Subscribers;
  const sync: InstanceSync = await startInstanceSync(database, how, subscribers, pino({ level: 'silent' }));
  onTestFinished(sync.stop);
  return { sync, listeners, load, loadSince, loadUser, add, reloadKeys };
}

const away = async () => {
  throw new Error('away');
};

describe('the sync between instances', () => {
  it('listens before it loads, and is fresh once it has loaded', async () => {
    const seen: number[] = [];
    const { sync, listeners, load } = await start('listen', { load: async () => void seen.push(1) });
    expect([listeners.length, load.mock.calls.length, seen.length, sync.isFresh()]).toEqual([1, 1, 1, true]);
  });

  it('is not fresh if it listens but could not load, until a load succeeds', async () => {
    const failing = { now: true };
    const { sync, listeners, load } = await start('listen', { load: () => (failing.now ? away() : Promise.resolve()) });
    for (let time = 0; time < 10; time++) {
      expect(sync.isFresh()).toBe(false);
      await sleep(50);
    }
    expect(load.mock.calls.length).toBeGreaterThan(1);
    failing.now = false;
    await vi.waitFor(() => expect(sync.isFresh()).toBe(true), { timeout: 3_000 });
    // Every half-opened connection is closed again.
    expect(listeners.filter(({ closed }) => !closed)).toHaveLength(1);
  });

  it('loads again after a lost connection, because messages were missed', async () => {
    const { sync, listeners, load } = await start('listen');
    listeners[0]?.lose();
    await vi.waitFor(() => expect([listeners.length, load.mock.calls.length]).toEqual([2, 2]), { timeout: 3_000 });
    await vi.waitFor(() => expect(sync.isFresh()).toBe(true));
  });

  it('stops being fresh after half a second without a heartbeat, and starts again on a new connection', async () => {
    const { sync, listeners } = await start('listen');
    const [first] = listeners;
    if (first) first.deaf = true;
    await sleep(800);
    expect(listeners[0]?.closed || !sync.isFresh()).toBe(true);
    await vi.waitFor(() => expect([listeners.length, sync.isFresh()]).toEqual([2, true]), { timeout: 3_000 });
    expect(first?.closed).toBe(true);
  });

  it('starts again if it could not follow a message, and the heartbeat before that does not count', async () => {
    const failing = { now: false };
    const { listeners, load, reloadKeys } = await start('listen', {
      reload: () => (failing.now ? away() : Promise.resolve()),
    });
    failing.now = true;
    listeners[0]?.say('keys');
    await vi.waitFor(() => expect(listeners[0]?.closed).toBe(true));
    failing.now = false;
    await vi.waitFor(() => expect(load.mock.calls.length).toBe(2), { timeout: 3_000 });
    expect(reloadKeys.mock.calls.length).toBeGreaterThanOrEqual(3);
  });

  it('follows each kind of message: a session, an epoch, a version, a user, keys, everything', async () => {
    const { listeners, add, loadUser, reloadKeys, load } = await start('listen');
    const until = Date.now() + 1_000;
    const ofUsers = [`epoch u3 7 ${until} s3 s1,s2`, `epoch u4 1 ${until} - `, `version u5 2 ${until}`, 'user u2'];
    for (const message of [`session u1 s1 ${until}`, ...ofUsers, 'keys', 'all']) listeners[0]?.say(message);
    await vi.waitFor(() => expect([load.mock.calls.length, reloadKeys.mock.calls.length]).toEqual([2, 2]));
    expect(add).toHaveBeenCalledWith([{ userId: 'u1', sessionId: 's1', version: null, keepUntil: new Date(until) }]);
    const ofUser = { sessionId: null, version: null, keepUntil: new Date(until) };
    expect(add).toHaveBeenCalledWith([{ ...ofUser, userId: 'u3', epoch: 7, keptId: 's3', sessionIds: ['s1', 's2'] }]);
    expect(add).toHaveBeenCalledWith([{ ...ofUser, userId: 'u4', epoch: 1, keptId: null, sessionIds: [] }]);
    expect(add).toHaveBeenCalledWith([{ ...ofUser, userId: 'u5', version: 2 }]);
    expect(loadUser).toHaveBeenCalledWith('u2');
  });

  it('polls only new revocations, and loads all of them if the last good poll is too long ago', async () => {
    const { loadSince, load } = await start('poll');
    await vi.waitFor(() => expect(loadSince).toHaveBeenCalledTimes(1), { timeout: 3_000 });
    expect(load).toHaveBeenCalledTimes(1);
    // As after a minute without the database, or with the machine asleep.
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
    onTestFinished(() => void vi.restoreAllMocks());
    await vi.waitFor(() => expect(load).toHaveBeenCalledTimes(2), { timeout: 3_000 });
  });

  it('is not fresh if polls fail', async () => {
    const { sync } = await start('poll', { reload: away });
    expect(sync.isFresh()).toBe(false);
  });
});
