import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

/**
 * A JSON body that is made while it is written: memory stays small, however long it is and however slowly it is read. If
 * making it fails half-way, the connection is cut.
 */
export class JsonStream {
  readonly #rest: AsyncGenerator<string>;
  readonly #begun: string[];

  private constructor(begun: string[], rest: AsyncGenerator<string>) {
    this.#begun = begun;
    this.#rest = rest;
  }

  /** Makes the first two pieces, so that what fails at once is refused like everywhere else. */
  static async of(pieces: AsyncGenerator<string>): Promise<JsonStream> {
    const chunks = inChunks(pieces);
    const begun: string[] = [];
    for (let next = await chunks.next(); !next.done; next = await chunks.next())
      if (begun.push(next.value) === 2) break;
    return new JsonStream(begun, chunks);
  }

  /** The text, if it is a short one. */
  get whole(): string | undefined {
    return this.#begun.length === 2 ? undefined : this.#begun.join('');
  }

  /** Writes as fast as the client reads, and frees what the pieces hold. */
  async writeTo(res: Response): Promise<void> {
    try {
      await pipeline(Readable.from(this.#all(), { highWaterMark: 1 }), res);
    } catch (error) {
      // The client has gone away: no error of ours.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    } finally {
      await this.cancel();
    }
  }

  async cancel(): Promise<void> {
    await this.#rest.return(undefined);
  }

  async *#all(): AsyncGenerator<string> {
    yield* this.#begun;
    yield* this.#rest;
  }
}

const chunkLength = 64 * 1024;

async function* inChunks(pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  let chunk = '';
  for await (const piece of pieces) {
    if (chunk.length >= chunkLength) {
      yield chunk;
      chunk = '';
    }
    chunk += piece;
  }
  yield chunk;
}
