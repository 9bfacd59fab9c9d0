import { setTimeout as sleep } from 'node:timers/promises';
import type { Discovery } from './discovery.js';
import { fetchText, maxList } from './fetching.js';
import { createGoodKeys } from './good-keys.js';
import type { KeySet } from './key-set.js';
import { type List, openList } from './list.js';
import type { Settings } from './options.js';
import type { RevocationMemory } from './revocation-memory.js';
import { followStream, type Message, type Moment, momentNow } from './stream.js';
import { createTelling } from './telling.js';

/** Keeps what this service knows of endings young. */
export type Feed = {
  /** Milliseconds since the list was true; Infinity before the first one. */
  age(): number;
  /** Whether a key is good, by the newest list. */
  hasKey(kid: string): boolean;
  /** Settles with the first whole list. */
  whole: Promise<void>;
  /** Why there is no news, where there is none. */
  trouble(): string | undefined;
};

type FeedDeps = {
  settings: Settings;
  discovery: Discovery;
  keys: KeySet;
  memory: RevocationMemory;
  signal: AbortSignal;
};

const pollEvery = 1_000;

/** A list that is asked about: "nothing new" is signed by nobody, so a cache may say it for ever. Half of a life it counts. */
type Shown = { etag: string; until: Moment };

function isBefore({ monotonic, date }: Moment): boolean {
  const now = momentNow();
  return now.monotonic < monotonic && now.date < date;
}

// More or less by chance, so that services that were cut off together do not come back together. In milliseconds.
const pauseAfter = (failures: number) => Math.min(5_000, 250 * 2 ** failures) * (0.5 + Math.random() * 0.5);

const sweepEvery = 60_000;

export function createFeed({ settings, discovery, keys, memory, signal }: FeedDeps): Feed {
  let heard: Moment | undefined;
  let newest = 0;
  const good = createGoodKeys();
  let shown: Shown | undefined;
  let lastEventId: string | undefined;
  let trouble: string | undefined;
  let isStreaming = false;
  const tellLog = createTelling(settings.log);
  let sweptAt = performance.now();
  let settle = () => {};
  const whole = new Promise<void>((resolve) => {
    settle = resolve;
  });

  async function accept(text: string, since: Moment, mustBeWhole: boolean): Promise<List> {
    const list = await openList(text, settings, keys);
    if (mustBeWhole && !list.complete) throw new Error('The first list of endings leaves something out.');
    memory.add(list.entries);
    // Of two instances one may be a moment behind. What it lists still counts.
    if (list.iat >= newest) {
      newest = list.iat;
      const isNew = good.name(list.kids).some((kid) => !keys.get(kid));
      // Before the first token of that key comes. What fails is tried again with that token.
      if (isNew) keys.refresh(pollEvery).catch(() => undefined);
    }
    becomeYoung(since, list.iat);
    settle();
    if (performance.now() - sweptAt >= sweepEvery) {
      sweptAt = performance.now();
      memory.sweep();
    }
    return list;
  }

  // A list that lay somewhere is as old as it says. It says whole seconds.
  function becomeYoung(since: Moment, iat: number): void {
    const lay = Math.max(0, since.date - (iat + 1) * 1000 - settings.clockTolerance);
    const moment = { monotonic: since.monotonic - lay, date: since.date - lay };
    if (!heard || moment.monotonic > heard.monotonic) heard = moment;
    trouble = undefined;
  }

  async function poll(): Promise<void> {
    const { list } = await discovery(signal);
    const asked = momentNow();
    const headers: Record<string, string> = shown && isBefore(shown.until) ? { 'if-none-match': shown.etag } : {};
    const answer = await fetchText(list, { headers, signal, atMost: maxList });
    if (answer.isUnchanged) return becomeYoung(asked, asked.date / 1000);
    const { iat, exp } = await accept(answer.text, asked, true);
    const half = (exp - iat) * 500;
    const until = { monotonic: asked.monotonic + half, date: iat * 1000 + half };
    shown = answer.etag === undefined ? undefined : { etag: answer.etag, until };
  }

  /** @returns whether anything was heard */
  async function follow(): Promise<boolean> {
    let isFirst = true;
    const wasKnown = lastEventId !== undefined;
    const onMessage = async ({ id, data, came }: Message) => {
      // What cannot be believed is asked for anew.
      lastEventId = undefined;
      await accept(data, came, isFirst && !wasKnown);
      lastEventId = id;
      isFirst = false;
      isStreaming = true;
    };
    const { stream } = await discovery(signal);
    await followStream({ url: stream, lastEventId, signal, onMessage }).catch(tell);
    isStreaming = false;
    return !isFirst;
  }

  function tell(error: unknown): void {
    if (signal.aborted) return;
    trouble = error instanceof Error ? error.message : String(error);
    tellLog(`@gatelatch/verify: no news of endings. ${trouble}`);
  }

  /** @returns whether all went well */
  async function tryTo(act: () => Promise<boolean>): Promise<boolean> {
    try {
      return await act();
    } catch (error) {
      tell(error);
      return false;
    }
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);

  async function followAgainAndAgain(): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      failures = (await tryTo(follow)) ? 0 : failures + 1;
      await pause(pauseAfter(failures));
    }
  }

  /** @param isNeeded whether the list is asked for now */
  async function pollAgainAndAgain(isNeeded: () => boolean): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const isGood = !isNeeded() || (await tryTo(() => poll().then(() => true)));
      failures = isGood ? 0 : failures + 1;
      await pause(isGood ? pollEvery : pauseAfter(failures));
    }
  }

  if (settings.revocations === 'poll') void pollAgainAndAgain(() => true);
  else {
    void followAgainAndAgain();
    // While a stream cannot be had, the list is asked for: a proxy may hold streams back.
    void pause(pollEvery).then(() => pollAgainAndAgain(() => !isStreaming));
  }

  return {
    age() {
      if (!heard) return Number.POSITIVE_INFINITY;
      const now = momentNow();
      // A computer that slept has a monotonic clock that slept too.
      return Math.max(now.monotonic - heard.monotonic, now.date - heard.date);
    },
    hasKey: good.has,
    whole,
    trouble: () => trouble,
  };
}
