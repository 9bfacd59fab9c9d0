import { createElection } from './election.js';
import { aloneByLock } from './lock.js';
import type { Platform } from './platform.js';

// Longer than a refresh with its second attempt. A frozen tab may hold a lock for hours; then two tabs refresh, and the
// server's grace gives both the same tokens.
const patience = 25_000;

/** Other tabs with the same session. */
export type Tabs = {
  /** Tells them to read the storage. Messages carry nothing else. */
  tell(): void;
  /** Runs the work while no other tab runs its own. @param isDone whether another tab has done it already */
  alone<T>(work: () => Promise<T>, isDone: () => Promise<boolean>): Promise<T>;
  close(): void;
};

/**
 * @param platform for a storage that no other tab sees: an empty one
 * @param onTold when another tab may have changed something
 */
export function openTabs(platform: Platform, name: string, onTold: () => void): Tabs {
  let channel = platform.BroadcastChannel && new platform.BroadcastChannel(name);
  // A closed channel must not be used, but work in progress still ends.
  const say = (message: unknown) => channel?.postMessage(message);
  const election = channel && createElection(say);
  if (channel) channel.onmessage = ({ data }) => (data === 'look' ? onTold() : election?.hear(data as never));
  channel?.unref?.();
  // Node 24 has locks too, but forgets waiters in other threads (seen with 24.21): there, turns go by messages.
  const locks = channel?.unref ? undefined : platform.navigator?.locks;
  // localStorage may arrive later than the message; its own event does not.
  platform.addEventListener?.('storage', onTold);
  return {
    tell: () => say('look'),
    alone: (work, isDone) =>
      locks ? aloneByLock(locks, name, work, isDone, patience) : (election?.alone(work, isDone, patience) ?? work()),
    close() {
      channel?.close();
      channel = undefined;
      platform.removeEventListener?.('storage', onTold);
    },
  };
}
