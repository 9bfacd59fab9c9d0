/** Wakes this instance's worker of a queue, so that an item need not wait for the next look. */
export type Wake = {
  /** Call it after the commit of an item. Returns at once. */
  wake(): void;
  onWake(listener: () => void): void;
};

/** On the command line there is no worker: the next server works on it. */
export function createWake(): Wake {
  let listener: () => void = () => undefined;
  return {
    wake: () => listener(),
    onWake(added) {
      listener = added;
    },
  };
}
