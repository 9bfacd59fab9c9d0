import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { limited, maxList, openStream } from './fetching.js';

/** A message of the stream. */
export type Message = { id: string | undefined; data: string; came: Moment };

/** By a clock that never jumps, and by the one that people set. Milliseconds. */
export type Moment = { monotonic: number; date: number };

export function momentNow(): Moment {
  return { monotonic: performance.now(), date: Date.now() };
}

/** The server says something every two seconds. After this long, in milliseconds, the connection is cut. */
const longestSilence = 5_000;

type Following = {
  url: string;
  /** The last message that was understood. */
  lastEventId: string | undefined;
  signal: AbortSignal;
  /** @throws Error if the message cannot be believed: then the stream is left */
  onMessage(message: Message): Promise<void>;
};

/** Follows the stream until it ends. @throws Error if it is cut, silent, refused or not to be believed */
export async function followStream({ url, lastEventId, signal, onMessage }: Following): Promise<void> {
  const limit = limited(longestSilence, signal);
  const waiting: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void waiting.push(event), maxBufferSize: maxList });
  const decoder = new TextDecoder();
  try {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    for await (const chunk of await openStream(url, headers, limit.signal)) {
      const came = momentNow();
      parser.feed(decoder.decode(chunk, { stream: true }));
      for (const { event, id, data } of waiting.splice(0)) {
        if (event !== 'revocations') continue;
        limit.renew();
        await onMessage({ id, data, came });
      }
    }
  } finally {
    limit.release();
  }
}
