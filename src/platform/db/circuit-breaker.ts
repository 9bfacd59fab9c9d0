/**
 * Remembers that a server has let somebody wait in vain, so that nobody else has to (the circuit breaker of Nygard's
 * "Release It!"). What is refused at once needs none: it keeps nobody waiting.
 */
export type CircuitBreaker = {
  /** Whether to refuse without asking. Every 250 ms one asker is let through, to see whether the server is back. */
  isOpen(): boolean;
  /** Somebody waited in vain. */
  trip(): void;
  /** The server has answered. */
  reset(): void;
};

// The database's return is noticed at most so much later; and while it is away, so few wait for it.
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
