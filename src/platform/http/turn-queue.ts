/** Runs pieces of work one after the other, each in a turn of the event loop of its own. */
export type Turns = (work: () => void) => void;

/**
 * A request is cheap, but hundreds that are ready at once are worked off in one turn of the event loop, in which nobody
 * else is heard. What takes a millisecond or more, or comes in crowds, takes turns with everything else instead.
 */
export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  function next(): void {
    const work = waiting.shift();
    if (waiting.length > 0) setImmediate(next);
    work?.();
  }
  return (work) => {
    waiting.push(work);
    if (waiting.length === 1) setImmediate(next);
  };
}
