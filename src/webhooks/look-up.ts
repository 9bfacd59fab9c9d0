import { promises as dns, type LookupAddress } from 'node:dns';

/** In milliseconds: a name that many events go to is not looked up for each. */
const rememberedFor = 10_000;

/** A look-up takes one of the threads that passwords need too, for 5 s and more where no name server answers. */
const mostAtOnce = 2;

type Known = { found: Promise<LookupAddress[]>; until: number };

/** Looks names up as the system does, with `/etc/hosts`. Each name is looked up once at a time. */
export function createLookUp(): (hostname: string) => Promise<LookupAddress[]> {
  const known = new Map<string, Known>();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  async function inTurn(hostname: string): Promise<LookupAddress[]> {
    if (underWay >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay += 1;
    try {
      return await dns.lookup(hostname, { all: true });
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay -= 1;
    }
  }

  return (hostname) => {
    const now = performance.now();
    for (const [name, { until }] of known) if (until <= now) known.delete(name);
    const found = known.get(hostname)?.found ?? inTurn(hostname);
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
