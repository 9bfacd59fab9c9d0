import { TokenError } from './refusals.js';

/** Questions to Gatelatch at once. Keys that were never good have half of the places, and a budget. */
const mostAtOnce = { all: 20, ofUnseen: 10 };

/** Questions about such keys: so many in a row, and so many a second. Gatelatch takes 20 wrong ones a second. */
const unseenBudget = { atOnce: 40, perSecond: 10 };

/** Keeps made-up keys from using up what good ones need. */
export type Questions = {
  /**
   * @param wasGood whether the key was good the last time
   * @throws TokenError temporarily_unavailable if there is no place for one more question
   */
  ask<T>(wasGood: boolean, question: () => Promise<T>): Promise<T>;
};

export function createQuestions(): Questions {
  const underWay = { all: 0, ofUnseen: 0 };
  let left = unseenBudget.atOnce;
  let countedAt = performance.now();

  function takeUnseen(): void {
    const now = performance.now();
    left = Math.min(unseenBudget.atOnce, left + ((now - countedAt) / 1000) * unseenBudget.perSecond);
    countedAt = now;
    if (left < 1 || underWay.ofUnseen >= mostAtOnce.ofUnseen) throw tooMany();
    left -= 1;
  }

  return {
    async ask(wasGood, question) {
      if (underWay.all >= mostAtOnce.all) throw tooMany();
      if (!wasGood) takeUnseen();
      const unseen = wasGood ? 0 : 1;
      underWay.all += 1;
      underWay.ofUnseen += unseen;
      try {
        return await question();
      } finally {
        underWay.all -= 1;
        underWay.ofUnseen -= unseen;
      }
    },
  };
}

function tooMany(): TokenError {
  return new TokenError('temporarily_unavailable', { detail: 'Too many API keys are new at once.', retryAfter: 1 });
}
