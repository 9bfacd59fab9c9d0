import { promises as dns, type LookupAddress } from 'node:dns';

/** In milliseconds: a name that many events go to is not looked up for each. */
const rememberedFor = 10_000;

/** So many names are known to be good ones. */
const mostFound = 100;

type Known = { found: Promise<LookupAddress[]>; until: number };

/**
 * Looks names up as the system does, with `/etc/hosts`. That takes one of the threads that passwords need too, for 5 s
 * and more where no name server answers. So one is looked up at a time of those that were found the last time, which wait
 * for no others, and one of the rest.
 */
export function createLookUp(): (hostname: string) => Promise<LookupAddress[]> {
  const known = new Map<string, Known>();
  const wasFound = new Set<string>();
  const [inTurn, inTurnOfRest] = [createTurns(), createTurns()];

  async function lookUp(hostname: string): Promise<LookupAddress[]> {
    const take = wasFound.delete(hostname) ? inTurn : inTurnOfRest;
    const found = await take(() => dns.lookup(hostname, { all: true }));
    if (wasFound.size >= mostFound) wasFound.clear();
    wasFound.add(hostname);
    return found;
  }

  return (hostname) => {
    const now = performance.now();
    for (const [name, { until }] of known) if (until <= now) known.delete(name);
    const before = known.get(hostname);
    if (before) return before.found;
    const entry: Known = { found: lookUp(hostname), until: Number.POSITIVE_INFINITY };
    known.set(hostname, entry);
    const remember = () => {
      entry.until = performance.now() + rememberedFor;
    };
    entry.found.then(remember, () => known.delete(hostname));
    return entry.found;
  };
}

function createTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
