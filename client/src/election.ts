type Message = { type: 'ask'; from: number; since: number } | { type: 'wait'; to?: number } | { type: 'free' };

// Messages between tabs take a few milliseconds, on a busy device more. One that takes longer still costs a second
// refresh, which the server answers alike.
const objectionsWithin = 200;
// In steps: a tab that was held up finds its timer and its messages due together, and the timer comes first.
const steps = 4;
// Whoever closes a tab doesn't say so: ask again this often.
const askAgainAfter = 1000;

/** Turns by messages, for where there are no locks: who wants one asks, and who has one or asked before objects. */
export type Election = {
  /**
   * Does this work while nobody else does theirs; after so many milliseconds in any case.
   * @param isDone asked first, and whenever somebody else was ready: then the work needs no turn
   */
  alone<T>(work: () => Promise<T>, isDone: () => Promise<boolean>, patience: number): Promise<T>;
  /** To be given every message of the channel. */
  hear(message: Message): void;
};

export function createElection(say: (message: Message) => void): Election {
  const self = Math.random();
  const heard: Partial<Record<'wait' | 'free', () => void>> = {};
  let mine: { since: number; granted: boolean } | undefined;
  // Who has heard somebody ask comes after them (a Lamport clock), also within one millisecond.
  let latest = 0;

  /** Whether that is heard before so many milliseconds have passed. */
  function hears(type: 'wait' | 'free', milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout>;
      const wait = (left: number) => {
        timer = setTimeout(() => (left > 1 ? wait(left - 1) : resolve(false)), milliseconds / steps);
      };
      wait(steps);
      heard[type] = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  function mustWait(since: number): Promise<boolean> {
    say({ type: 'ask', from: self, since });
    return hears('wait', objectionsWithin);
  }

  const comesFirst = ({ since, from }: { since: number; from: number }) =>
    mine && (mine.granted || mine.since < since || (mine.since === since && self < from));

  return {
    async alone(work, isDone, patience) {
      if (await isDone()) return work();
      const since = Math.max(Date.now(), latest + 1);
      mine = { since, granted: false };
      try {
        while ((await mustWait(since)) && Date.now() < since + patience) {
          await hears('free', askAgainAfter);
          if (await isDone()) return await work();
        }
        mine.granted = true;
        // Also to who asked before, but was held up for so long that it could not object.
        say({ type: 'wait' });
        return await work();
      } finally {
        mine = undefined;
        say({ type: 'free' });
      }
    },
    hear(message) {
      if (message.type === 'ask') latest = Math.max(latest, message.since);
      if (message.type === 'ask' && comesFirst(message)) say({ type: 'wait', to: message.from });
      if (message.type === 'wait' && (message.to ?? self) === self) heard.wait?.();
      if (message.type === 'free') heard.free?.();
    },
  };
}
