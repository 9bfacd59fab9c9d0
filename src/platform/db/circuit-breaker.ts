/** After one call waited in vain for the server, refuses the next ones at once (Nygard, "Release It!"). */
type CircuitBreaker = {
  /** Whether to refuse at once. Every 250 ms one caller may try, to see whether the server is back. */
  isOpen(): boolean;
  trip(): void;
  reset(): void;
};

// The return of the database is noticed this much later at most; meanwhile only these few wait for it.
const askAgainMs = 250;

export function createCircuitBreaker(): CircuitBreaker {
  let askAgainAt = Number.NEGATIVE_INFINITY;
  let open = false;
  const postpone = () => {
    askAgainAt = performance.now() + askAgainMs;
  };
  return {
    isOpen() {
      if (!open) return false;
      if (performance.now() < askAgainAt) return true;
      postpone();
      return false;
    },
    trip() {
      open = true;
      postpone();
    },
    reset() {
      open = false;
    },
  };
}
