/** Runs pieces of work one after another, each in its own turn of the event loop. */
type TurnQueue = (work: () => void) => void;

/** Otherwise hundreds of ready requests run in one turn of the event loop, while all else waits. */
export function createTurnQueue(): TurnQueue {
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
