import type { Session, SignedOutReason } from './session.js';

/** What a client tells, also of what another tab did where the storage is shared. */
export type Events = {
  signedIn: Session;
  signedOut: { reason: SignedOutReason };
  refreshed: Session;
};

export type Listener<Name extends keyof Events> = (event: Events[Name]) => void;

export type Emitter = {
  /** @returns what ends the listening */
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
      // Not from here: what a listener throws is its own affair, and must not look like a failed refresh.
      for (const listener of listeners.get(name) ?? []) queueMicrotask(() => listener(event as never));
    },
  };
}
