/** Wakes this instance's outbox worker, so that an item need not wait for the next poll. */
export type OutboxWake = {
  /** Call it after the commit of an outbox item. Returns at once. */
  wake(): void;
  onWake(listener: () => void): void;
};

/** On the command line there is no worker: the next server sends. */
export function createOutboxWake(): OutboxWake {
  let listener: () => void = () => undefined;
  return {
    wake: () => listener(),
    onWake(added) {
      listener = added;
    },
  };
}
