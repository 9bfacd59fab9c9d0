type Sleeper = {
  wakeIn(ms: number): void;
  /** Resolves when woken (now or since the last sleep) or after this time. */
  asleep(ms: number): Promise<void>;
};

export function createSleeper(): Sleeper {
  let isWoken = false;
  let wake: () => void = () => undefined;
  return {
    wakeIn(ms) {
      const wakeNow = () => {
        isWoken = true;
        wake();
      };
      setTimeout(wakeNow, ms).unref();
    },
    async asleep(ms) {
      let timer: NodeJS.Timeout | undefined;
      if (!isWoken)
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms).unref();
        });
      clearTimeout(timer);
      isWoken = false;
    },
  };
}
