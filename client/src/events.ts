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
  const listening = new Set<[name: keyof Events, listener: (event: never) => void]>();
  return {
    on(...entry) {
      listening.add(entry);
      return () => void listening.delete(entry);
    },
    emit(name, event) {
      // Asynchronous: an error in a listener must not look like a failed refresh.
      for (const [heard, listener] of listening) if (heard === name) queueMicrotask(() => listener(event as never));
    },
  };
}
