/** Wakes this instance's outbox worker, so that an item need not wait for its next look. */
export type OutboxWake = {
  /** Called once what was written to the outbox is committed. Returns at once. */
  wake(): void;
  /** One listener: the worker. */
  onWake(listener: () => void): void;
};

/** Without a worker nothing listens, as on the command line, where the next server sends. */
export function createOutboxWake(): OutboxWake {
  let listener: () => void = () => undefined;
  return {
    wake: () => listener(),
    onWake(added) {
      listener = added;
    },
  };
}
