/** A message between tabs. */
export type Channel = {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close(): void;
  /** Only in Node, where an open channel would keep the process alive. */
  unref?(): void;
};

/**
 * What a platform may have besides `fetch`. Browsers have all of it, but locks only on https and localhost; Node 20 has
 * the channel, and React Native nothing.
 */
export const platform = globalThis as unknown as {
  navigator?: {
    locks?: { request(name: string, options: object, work: (lock: unknown) => Promise<void>): Promise<void> };
  };
  BroadcastChannel?: new (name: string) => Channel;
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
};
