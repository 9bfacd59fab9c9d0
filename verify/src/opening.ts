/** A door that opens once. Who waits leaves no trace behind, even if it never opens. */
export type Opening = {
  open(): void;
  isOpen(): boolean;
  /**
   * @param ms for how long, in milliseconds
   * @throws Error if it does not open in that time, or too many wait already
   */
  wait(ms: number): Promise<void>;
};

/** @param mostWaiting how many may wait at once */
export function createOpening(mostWaiting: number): Opening {
  let isOpen = false;
  const waiting = new Set<() => void>();
  return {
    open() {
      isOpen = true;
      for (const go of waiting) go();
      waiting.clear();
    },
    isOpen: () => isOpen,
    async wait(ms) {
      if (isOpen) return;
      if (waiting.size >= mostWaiting) throw new Error(`${mostWaiting} others wait already.`);
      await new Promise<void>((resolve, reject) => {
        const go = () => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(go);
          reject(new Error(`It took longer than ${ms / 1000} s.`));
        }, ms);
        waiting.add(go);
      });
    },
  };
}
