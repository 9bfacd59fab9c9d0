import { isSame, type Kept, type SignedOutReason } from './session.js';
import type { Storage } from './storage.js';

type Ended = { ended: SignedOutReason };

/** `before` is `now` at the first look, which is no change. */
export type Change = { before: Kept | null; now: Kept | null; ended?: SignedOutReason };

/** What is stored about the session. Whoever looks or writes learns, and tells, what has changed since. */
export type State = {
  look(): Promise<Kept | null>;
  /**
   * Writes, unless what is there meanwhile is not what `where` asks for.
   * @returns what is there now
   */
  write(next: Kept | Ended, where?: (found: Kept | null) => boolean): Promise<Kept | null>;
};

/**
 * @param onChange for each change, by whomever: this client, another tab, or whoever emptied the storage
 * @param onWrite for each write of our own
 */
export function createState(
  storage: Storage,
  key: string,
  onChange: (change: Change) => void,
  onWrite: () => void,
): State {
  let known: Kept | Ended | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other, or a slow read would tell of the past. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  async function read(): Promise<Kept | null> {
    // Nobody else writes to what is not shared, and a Keychain is slow.
    return learn(known && !storage.shared ? known : parse(await storage.get(key)));
  }

  function learn(found: Kept | Ended): Kept | null {
    const before = known;
    known = found;
    const now = keptIn(found);
    if (!before || !isSame(keptIn(before), now))
      onChange({ before: before ? keptIn(before) : now, now, ...('ended' in found && found) });
    return now;
  }

  return {
    look: () => inTurn(read),
    write: (next, where = () => true) =>
      inTurn(async () => {
        const found = await read();
        if (!where(found)) return found;
        // Who logged out leaves nothing behind; any other end is told to the tabs that look later, too.
        if ('ended' in next && next.ended === 'logged_out') await storage.remove(key);
        else await storage.set(key, JSON.stringify(next));
        const now = learn(next);
        onWrite();
        return now;
      }),
  };
}

function keptIn(stored: Kept | Ended): Kept | null {
  return 'ended' in stored ? null : stored;
}

function parse(stored: string | null | undefined): Kept | Ended {
  try {
    return JSON.parse(stored ?? '') as Kept | Ended;
  } catch {
    return { ended: 'logged_out' };
  }
}
