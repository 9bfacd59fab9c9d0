// What a measurement still counts when the next one comes.
const memory = 0.75;

type Pace = {
  learn(expectedMs: number, tookMs: number): void;
  /** How much longer work takes here, of late, than was expected: 1 before the first measurement. */
  now(): number;
};

/** Dear work counts for more than cheap work, whose measured time is mostly chance. */
export function createPace(): Pace {
  let expected = 0;
  let took = 0;
  return {
    learn(expectedMs, tookMs) {
      expected = memory * expected + expectedMs;
      took = memory * took + tookMs;
    },
    now: () => (expected === 0 ? 1 : took / expected),
  };
}
