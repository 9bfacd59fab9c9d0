import type { Session, SignedOutReason } from './session.js';

/** How strong a sign-in must be (`aal1`, `aal2`, `phr`), and how old it may be in seconds; each where it is asked for. */
export type StepUp = { acrValues: string | undefined; maxAge: number | undefined };

/** What a client reports, including what another tab did with a shared storage. */
export type Events = {
  signedIn: Session;
  signedOut: { reason: SignedOutReason };
  refreshed: Session;
  /** The storage refused to write, for example because it is full: from now on the session may be in memory only. Once. */
  notStored: { error: unknown };
  /**
   * A request was refused because the sign-in is too weak or too long ago, also after a refresh: `reauthenticate`, then
   * repeat it.
   */
  stepUpNeeded: StepUp;
};

export type Listener<Name extends keyof Events> = (event: Events[Name]) => void;

export type Emitter = {
  /** @returns a function that removes the listener */
  on<Name extends keyof Events>(name: Name, listener: Listener<Name>): () => void;
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
};

export function createEmitter(): Emitter {
  const listeners = new Map<keyof Events, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all.add(listener));
      return () => void all.delete(listener);
    },
    emit(name, event) {
      // Asynchronous: an error in a listener must not look like a failed refresh.
      for (const listener of listeners.get(name) ?? []) queueMicrotask(() => listener(event as never));
    },
  };
}
