import type { Response } from 'express';
import { overrideHeaders, writeHead } from './response-headers.js';

/** A body that never ends by itself: server-sent events. */
export type EventSource = {
  /** Gets the response once its head is written, and writes to it until it is closed. */
  begin(res: Response): void;
  /** Nothing will be written after all. */
  cancel(): void;
};

export class EventStream {
  readonly #source: EventSource;

  constructor(source: EventSource) {
    this.#source = source;
  }

  writeTo(res: Response, status: number): void {
    // A proxy must pass each event on at once, and change nothing.
    overrideHeaders(res, { 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' });
    writeHead(res, status, ['Content-Type', 'text/event-stream']);
    if (res.req.method === 'HEAD') {
      this.cancel();
      res.end();
    } else this.#source.begin(res);
  }

  cancel(): void {
    this.#source.cancel();
  }
}
