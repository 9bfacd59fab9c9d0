import type { SafeStorage } from './safe-storage.js';
import { isSame, type Kept, type SignedOutReason } from './session.js';
import { type Ended, readStored } from './stored-session.js';

/** The stored session. Each look or write notices and reports what has changed. */
export type State = {
  look(): Promise<Kept | null>;
  /** Writes only if the stored session satisfies `where`. @returns the session stored now */
  write(next: Kept | Ended, where?: (found: Kept | null) => boolean): Promise<Kept | null>;
};

/**
 * @param cookies whether the tokens are in cookies
 * @param onChange for each change by this client, another tab, or an emptied storage; at the first look `before` equals
 * `now`
 * @param onWrite for each write of our own
 */
export function createState(
  storage: SafeStorage,
  key: string,
  cookies: boolean,
  onChange: (before: Kept | null, now: Kept | null, ended: SignedOutReason | undefined) => void,
  onWrite: () => void,
): State {
  let known: Kept | Ended | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** One after another: a slow read would report the past. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  async function read(): Promise<Kept | null> {
    // A storage that is not shared has only this writer, and a Keychain is slow.
    return learn(known && !storage.shared ? known : readStored(await storage.get(key), cookies));
  }

  function learn(found: Kept | Ended): Kept | null {
    const now = keptIn(found);
    const before = known ? keptIn(known) : now;
    const isNew = !known || !isSame(before, now);
    known = found;
    if (isNew) onChange(before, now, found.ended);
    return now;
  }

  return {
    look: () => inTurn(read),
    write: (next, where = () => true) =>
      inTurn(async () => {
        const found = await read();
        if (!where(found)) return found;
        // A logout leaves nothing behind; other ends are stored for tabs that look later.
        await storage.set(key, next.ended === 'logged_out' ? null : JSON.stringify(next));
        const now = learn(next);
        onWrite();
        return now;
      }),
  };
}

function keptIn(stored: Kept | Ended): Kept | null {
  return stored.ended ? null : stored;
}
