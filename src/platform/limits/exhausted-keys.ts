// Not until the window ends, because another instance may return points.
const believedMs = 1_000;

const maxKeys = 10_000;

/** Keys without points, and when their windows end; a bounded number, because the store knows them all. */
export function createExhaustedKeys() {
  const keys = new Map<string, { believedUntil: number; endsAt: number }>();
  return {
    /** When the key's window ends, if the store need not be asked. */
    get(key: string): number | undefined {
      const found = keys.get(key);
      return found && performance.now() < Math.min(found.believedUntil, found.endsAt) ? found.endsAt : undefined;
    },
    /** Whether the key was already exhausted in this window: then other attempts in flight do not explain it. */
    wasJust(key: string): boolean {
      const found = keys.get(key);
      return found !== undefined && performance.now() < found.endsAt;
    },
    add(key: string, msLeft: number, believedFor = believedMs): number {
      const now = performance.now();
      keys.delete(key);
      const [oldest] = keys.keys();
      if (keys.size >= maxKeys && oldest !== undefined) keys.delete(oldest);
      keys.set(key, { believedUntil: now + believedFor, endsAt: now + msLeft });
      return now + msLeft;
    },
  };
}
