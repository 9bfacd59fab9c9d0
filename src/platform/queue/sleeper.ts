type Sleeper = {
  wakeIn(ms: number): void;
  /** Resolves when woken (now or since the last sleep) or after this time. */
  asleep(ms: number): Promise<void>;
};

export function createSleeper(): Sleeper {
  let isWoken = false;
  let wake: () => void = () => undefined;
  let alarm: { at: number; timer: NodeJS.Timeout } | undefined;
  return {
    wakeIn(ms) {
      const at = performance.now() + ms;
      // The earliest one wakes for all.
      if (alarm && alarm.at <= at) return;
      clearTimeout(alarm?.timer);
      const wakeNow = () => {
        alarm = undefined;
        isWoken = true;
        wake();
      };
      alarm = { at, timer: setTimeout(wakeNow, ms).unref() };
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
