type Message = { type: 'ask'; from: number; since: number } | { type: 'wait' | 'free'; to?: number };

// Messages between tabs take a few milliseconds, more on a busy device. A later one costs a second refresh, which gets
// the same answer.
const objectionsWithin = 200;
// In steps: for a tab that was suspended, timer and messages are due together, and the timer would come first.
const steps = 4;
// A closed tab sends nothing: ask again this often.
const askAgainAfter = 1000;

/** Turns by messages, for platforms without locks: a tab asks, and a tab that has the turn or asked earlier objects. */
export type Election = {
  /**
   * Runs the work while no other tab runs its own; after `patience` milliseconds in any case.
   * @param isDone called first, and when another tab was done: then the work needs no turn
   */
  alone<T>(work: () => Promise<T>, isDone: () => Promise<boolean>, patience: number): Promise<T>;
  /** Needs every message of the channel. */
  hear(message: Message): void;
};

export function createElection(say: (message: Message) => void): Election {
  const self = Math.random();
  const heard: Partial<Record<'wait' | 'free', () => void>> = {};
  // When it asked; 0, so before all others, once it has the turn.
  let mine: number | undefined;
  // A tab that has heard a request comes after it (a Lamport clock), even within one millisecond.
  let latest = 0;

  /** Whether a message of this type arrives within this time. */
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

  return {
    async alone(work, isDone, patience) {
      if (await isDone()) return work();
      const since = Math.max(Date.now(), latest + 1);
      mine = since;
      try {
        while ((await mustWait(since)) && Date.now() < since + patience) {
          await hears('free', askAgainAfter);
          if (await isDone()) return await work();
        }
        mine = 0;
        // Also to a tab that asked earlier but was suspended too long to object.
        say({ type: 'wait' });
        return await work();
      } finally {
        mine = undefined;
        say({ type: 'free' });
      }
    },
    hear(message) {
      if (message.type === 'ask') {
        const { from, since } = message;
        latest = Math.max(latest, since);
        if (mine !== undefined && (mine < since || (mine === since && self < from))) say({ type: 'wait', to: from });
      } else if ((message.to ?? self) === self) heard[message.type]?.();
    },
  };
}
