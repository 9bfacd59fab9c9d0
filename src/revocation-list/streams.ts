import type { Response } from 'express';
import { AppError } from '../errors.js';
import type { AddressKey } from '../platform/address-key.js';
import type { EventSource } from '../platform/http/event-stream.js';
import { rateLimited } from '../platform/http/rate-limit-headers.js';
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
  let toldAt = 0;
  let places = 0;

  function tick(): void {
    // At the next one it would be too late.
    const told = list.next(performance.now() - toldAt > longestSilence - newsEvery);
    // Never a message that leaves something out: who asks anew hears 503.
    if (!told) {
      endAll();
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
    stopCollecting ??= list.collect();
    timer ??= setInterval(tick, newsEvery).unref();
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

  function leave({ res, close }: Stream): void {
    // An answer whose reader sleeps would never be finished.
    if (res.writableLength > 0) res.destroy();
    else res.end();
    close();
  }

  function reserve(address: AddressKey): () => void {
    const count = reserved.get(address) ?? 0;
    if (count >= perAddress) throw rateLimited(60_000);
    if (places >= max) throw new AppError('overloaded', { retryAfterSeconds: 5 });
    reserved.set(address, count + 1);
    places += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      places -= 1;
      const left = (reserved.get(address) ?? 1) - 1;
      if (left === 0) reserved.delete(address);
      else reserved.set(address, left);
    };
  }

  return {
    open(address, lastEventId) {
      const free = reserve(address);
      const begin = (res: Response) => {
        start();
        const first = (lastEventId === undefined ? undefined : list.since(lastEventId)) ?? list.whole();
        const message = first ? eventOf(first) : '';
        const end = setTimeout(() => leave(stream), longest()).unref();
        const stream: Stream = {
          res,
          allowed: maxUnread + Buffer.byteLength(message),
          close() {
            clearTimeout(end);
            free();
            streams.delete(stream);
            if (streams.size === 0) rest();
          },
        };
        streams.add(stream);
        res.once('close', stream.close);
        if (first) res.write(message);
        else endAll();
      };
      return { begin, cancel: free };
    },
    end: endAll,
    size: () => streams.size,
  };
}

function eventOf({ text, seq }: SignedList): string {
  return `event: revocations\nid: ${seq}\ndata: ${text}\n\n`;
}
