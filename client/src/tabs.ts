import { createElection } from './election.js';
import { aloneByLock } from './lock.js';
import { platform } from './platform.js';

// Longer than a refresh with its second try. A frozen tab may hold a lock for hours; then two refresh at once, and the
// server's grace gives both the same tokens.
const patience = 25_000;

/** The other tabs that see the same session. */
export type Tabs = {
  /** Tells them to look at what is stored. No message carries more than that. */
  tell(): void;
  /**
   * Does this work while no other tab does theirs.
   * @param isDone whether another tab has done it already
   */
  alone<T>(work: () => Promise<T>, isDone: () => Promise<boolean>): Promise<T>;
  close(): void;
};

export const noTabs: Tabs = { tell() {}, alone: (work) => work(), close() {} };

/** @param onTold when another tab has changed something, or may have */
export function openTabs(name: string, onTold: () => void): Tabs {
  let channel = platform.BroadcastChannel && new platform.BroadcastChannel(name);
  // Once closed it may not be spoken to, but what is under way then still ends.
  const say = (message: unknown) => channel?.postMessage(message);
  const election = channel && createElection(say);
  if (channel) channel.onmessage = ({ data }) => (data === 'look' ? onTold() : election?.hear(data as never));
  channel?.unref?.();
  // Node 24 has locks, too, but forgets who waits for one in another thread (seen with 24.21): there, turns go by messages.
  const locks = channel?.unref ? undefined : platform.navigator?.locks;
  // localStorage may arrive here later than the message does; its own event does not.
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
