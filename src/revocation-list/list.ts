import { createHash, randomBytes } from 'node:crypto';
import type { Config } from '../config.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { InstanceSync } from '../sessions/instance-sync.js';
import type { Revocation, Revocations } from '../sessions/revocations.js';
import { createHashId, type Entries, entriesOf, entriesOfNew } from './entries.js';
import { signList } from './sign.js';

export type ListDeps = {
  config: Pick<Config, 'tokens' | 'revocationList'>;
  keys: SigningKeys;
  revocations: Revocations;
  instanceSync: InstanceSync;
};

/** A signed list, and its number among the messages of this instance. */
export type SignedList = { text: string; seq: string; etag: string };

export type RevocationList = {
  isOn: boolean;
  /**
   * Everything that was refused half a second ago at the latest; undefined while this instance cannot say, or there is
   * too much.
   */
  whole(): SignedList | undefined;
  /**
   * What a new reader needs before `next`: what was added since the message that it has heard, or a whole list and what
   * came after it; nothing while this instance cannot say.
   */
  first(lastEventId: string | undefined): SignedList[];
  /** Begins to collect what becomes known, for `first` and `next`. @returns a function that ends that */
  collect(): () => void;
  /**
   * What became known since the last call.
   * @param isDue whether something must be said, also if nothing is new
   * @returns nothing where nothing has to be said or can be said at this moment, and undefined where something was lost
   */
  next(isDue: boolean): SignedList | 'nothing' | undefined;
  /** How many entries a whole list has at most: some may be over. */
  size(): number;
};

// 48 bytes each: 2.4 MB and 60 ms to sign at so many.
const maxEntries = 50_000;

// A list that says the same is signed anew after this long, in milliseconds.
const youngFor = 1_000;

// After a change, the list of before is still given out for ten times as long as it took to make. So lists take a tenth of
// the time at most, however often somebody asks. It is never older than this, in milliseconds.
const oldFor = 500;

// What was added in the last messages is kept for streams that come back.
const keptMessages = 600;

export function createRevocationList({ config, keys, revocations, instanceSync }: ListDeps): RevocationList {
  const { issuer } = config.tokens;
  const hash = createHashId(issuer, maxEntries);
  const instance = randomBytes(6).toString('base64url');
  let [count, changes] = [0, 0];
  let waiting: Revocation[] = [];
  let signed: (SignedList & { changes: number; kids: string; at: number; work: number }) | undefined;
  let kept: { seq: number; known: Revocation[] }[] = [];
  let toldKids = '';

  let isCollecting = false;
  revocations.follow((known) => {
    changes += 1;
    if (isCollecting) waiting.push(...known);
  });

  function collect(): () => void {
    isCollecting = true;
    // What came while nobody collected was not kept: no message of before has all that followed it.
    count += 1;
    signed = undefined;
    return () => {
      isCollecting = false;
      [waiting, kept] = [[], []];
    };
  }

  const size = () => revocations.size() + revocations.named();
  const hasAll = () => revocations.isComplete() && size() <= maxEntries;
  const canSay = () => instanceSync.isFresh() && hasAll();
  const kids = () => keys.jwks().keys.map(({ kid }) => String(kid));

  function sign(entries: Entries, complete: boolean): SignedList {
    const seq = `${instance}.${count}`;
    const content = { ...entries, keys: kids() };
    const etag = `"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 22)}"`;
    const statement = { iss: issuer, seq, complete, ...content };
    return { text: signList(keys, statement, Math.floor(Date.now() / 1000)), seq, etag };
  }

  const isNewest = () => signed?.changes === changes && signed.kids === kids().join();

  function isYoung(): boolean {
    if (!signed) return false;
    const keptFor = isNewest() ? youngFor : Math.min(oldFor, 10 * signed.work);
    return performance.now() - signed.at < keptFor;
  }

  function whole(): SignedList | undefined {
    if (!canSay()) return undefined;
    if (isYoung()) return signed;
    const at = performance.now();
    const made = sign(entriesOf(revocations.remembered(), hash, Date.now()), true);
    signed = { ...made, changes, kids: kids().join(), at, work: performance.now() - at };
    return signed;
  }

  function since(seq: string): SignedList | undefined {
    const [of, number] = seq.split('.');
    const from = Number(number);
    const oldest = kept[0]?.seq ?? count + 1;
    if (!isCollecting || of !== instance || !Number.isInteger(from) || from > count || from < oldest - 1 || !canSay())
      return undefined;
    const missed = kept.filter((one) => one.seq > from).flatMap(({ known }) => known);
    return sign(entriesOfNew([...missed, ...waiting], hash), false);
  }

  function first(lastEventId: string | undefined): SignedList[] {
    const added = lastEventId === undefined ? undefined : since(lastEventId);
    if (added) return [added];
    const all = whole();
    if (!all) return [];
    const later = isNewest() ? undefined : since(all.seq);
    return later ? [all, later] : [all];
  }

  function next(isDue: boolean): SignedList | 'nothing' | undefined {
    if (!hasAll()) return undefined;
    // Soon it may know again: all that it has missed until then comes as something new.
    if (!instanceSync.isFresh()) return 'nothing';
    const known = waiting;
    waiting = [];
    const now = kids().join();
    const isNews = known.length > 0 || now !== toldKids;
    toldKids = now;
    if (known.length > 0) {
      count += 1;
      kept.push({ seq: count, known });
      kept = kept.slice(-keptMessages);
    }
    return isNews || isDue ? sign(entriesOfNew(known, hash), false) : 'nothing';
  }

  return {
    isOn: config.revocationList,
    whole,
    collect,
    first,
    next,
    size,
  };
}
