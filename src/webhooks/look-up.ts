import { promises as dns, type LookupAddress } from 'node:dns';

/** In milliseconds: a name that many events go to is not looked up for each. */
const rememberedFor = 10_000;

/**
 * A look-up takes one of the threads that passwords need too, for 5 s and more where no name server answers. So there is
 * one at a time of the names that were found the last time, which wait for no others, and one of the rest.
 */
const mostAtOnce = 1;
const mostFound = 100;

type Known = { found: Promise<LookupAddress[]>; until: number };

/** Looks names up as the system does, with `/etc/hosts`. Each name is looked up once at a time. */
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
    const found = known.get(hostname)?.found ?? lookUp(hostname);
    if (known.has(hostname)) return found;
    const entry: Known = { found, until: Number.POSITIVE_INFINITY };
    known.set(hostname, entry);
    const remember = () => {
      entry.until = performance.now() + rememberedFor;
    };
    found.then(remember, () => known.delete(hostname));
    return found;
  };
}

function createTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (work) => {
    if (underWay >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay -= 1;
    }
  };
}
