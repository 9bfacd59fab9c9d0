/** A message between tabs. */
export type Channel = {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close(): void;
  /** Only in Node, where an open channel keeps the process alive. */
  unref?(): void;
};

/** The used part of the Web Locks API. */
export type Locks = {
  request(
    name: string,
    options: { signal: AbortSignal } | { ifAvailable: true },
    work: (lock: unknown) => Promise<void>,
  ): Promise<void>;
};

/**
 * What a platform may have besides `fetch`. Browsers have all of it, but locks only on https and localhost; Node has
 * the channel, React Native nothing.
 */
export type Platform = {
  navigator?: { locks?: Locks };
  BroadcastChannel?: new (name: string) => Channel;
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
};

export const platform = globalThis as unknown as Platform;
