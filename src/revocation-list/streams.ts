import type { Response } from 'express';
import { AppError } from '../errors.js';
import type { AddressKey } from '../platform/address-key.js';
import type { EventSource } from '../platform/http/event-stream.js';
import { sharesAround } from '../platform/limits/address-limit.js';
import type { RevocationList, SignedList } from './list.js';

export type Streams = {
  /**
   * Reserves a stream for a caller.
   * @param lastEventId the last message that the caller has heard
   * @throws AppError rate_limited if the address has too many, overloaded if the instance has
   */
  open(address: AddressKey, lastEventId: string | undefined): EventSource;
  /** Ends all: for a server that stops. */
  end(): void;
  size(): number;
};

// A change is told within this time, and silence means that the connection is cut. In milliseconds.
const newsEvery = 200;
const longestSilence = 2_000;

// Who opens and closes the only stream all the time must not have a whole list made each time.
const restsAfter = 10_000;

// More or less by chance, so that streams that began together do not end together.
const longest = () => 3_600_000 * (0.8 + Math.random() * 0.4);

/** Bytes that may wait for a reader, besides the first list. */
const maxUnread = 262_144;

const perAddress = 20;

type Stream = { res: Response; allowed: number; close: () => void };

/** @param max streams at once */
export function createStreams(list: RevocationList, max: number): Streams {
  const streams = new Set<Stream>();
  const reserved = new Map<AddressKey, number>();
  let timer: NodeJS.Timeout | undefined;
  let stopCollecting: (() => void) | undefined;
  let [toldAt, emptySince] = [0, 0];
  let places = 0;

  function tick(): void {
    if (streams.size === 0 && performance.now() - emptySince > restsAfter) {
      rest();
      return;
    }
    const silence = performance.now() - toldAt;
    // At the next one it would be too late.
    const told = list.next(silence > longestSilence - newsEvery);
    // Never a message that leaves something out: who asks anew hears 503.
    if (!told || (told === 'nothing' && silence > longestSilence)) {
      end();
      return;
    }
    if (told === 'nothing') return;
    toldAt = performance.now();
    const message = eventOf(told);
    for (const stream of streams) write(stream, message);
  }

  function write({ res, allowed, close }: Stream, message: string): void {
    if (res.writableLength > allowed) {
      // It does not read.
      res.destroy();
      close();
    } else res.write(message);
  }

  function start(): void {
    if (timer) return;
    stopCollecting = list.collect();
    toldAt = performance.now();
    timer = setInterval(tick, newsEvery).unref();
  }

  function rest(): void {
    clearInterval(timer);
    timer = undefined;
    stopCollecting?.();
    stopCollecting = undefined;
  }

  function endAll(): void {
    for (const stream of [...streams]) leave(stream);
  }

  function end(): void {
    endAll();
    rest();
  }

  function leave({ res, close }: Stream): void {
    // An answer whose reader sleeps would never be finished.
    if (res.writableLength > 0) res.destroy();
    else res.end();
    close();
  }

  function reserve(address: AddressKey): () => void {
    const counted = sharesAround(address);
    if (counted.some(([key, share]) => (reserved.get(key) ?? 0) >= perAddress * share))
      throw new AppError('rate_limited', { retryAfterSeconds: 60 });
    if (places >= max) throw new AppError('overloaded', { retryAfterSeconds: 5 });
    for (const [key] of counted) reserved.set(key, (reserved.get(key) ?? 0) + 1);
    places += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      places -= 1;
      for (const [key] of counted) {
        const left = (reserved.get(key) ?? 1) - 1;
        if (left === 0) reserved.delete(key);
        else reserved.set(key, left);
      }
    };
  }

  return {
    open(address, lastEventId) {
      const free = reserve(address);
      const begin = (res: Response) => {
        // Its end has been told already.
        if (res.destroyed) return free();
        start();
        const message = list.first(lastEventId).map(eventOf).join('');
        const atLongest = setTimeout(() => leave(stream), longest()).unref();
        const stream: Stream = {
          res,
          allowed: maxUnread + Buffer.byteLength(message),
          close() {
            clearTimeout(atLongest);
            free();
            streams.delete(stream);
            emptySince = performance.now();
          },
        };
        streams.add(stream);
        res.once('close', stream.close);
        if (message) res.write(message);
        else end();
      };
      return { begin, cancel: free };
    },
    end,
    size: () => streams.size,
  };
}

function eventOf({ text, seq }: SignedList): string {
  return `event: revocations\nid: ${seq}\ndata: ${text}\n\n`;
}
