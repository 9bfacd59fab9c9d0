/** No document that is fetched is larger, in bytes. */
const maxBody = 2 * 1024 * 1024;

/** Nor a list of endings: 50,000 entries are 3 MiB. */
export const maxList = 8 * 1024 * 1024;

/** How long a request may take, in milliseconds, where nothing else is said. */
const patience = 4_000;

/** Gatelatch did not answer, or not as it should. */
export class FetchError extends Error {
  readonly status: number | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    message: string,
    { status, retryAfter, cause }: { status?: number; retryAfter?: number; cause?: unknown },
  ) {
    super(message, { cause });
    this.name = 'FetchError';
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** `within`: milliseconds; `atMost`: bytes. */
type Asking = {
  headers?: Record<string, string>;
  form?: Record<string, string>;
  signal?: AbortSignal;
  within?: number;
  atMost?: number;
};

export type Fetched = { isUnchanged: boolean; text: string; etag: string | undefined };

/**
 * Fetches a document. No redirect is followed.
 * @throws FetchError for any other answer than 200, or 304 where it was asked for
 */
export async function fetchText(
  url: string,
  { headers = {}, form, signal, within = patience, atMost = maxBody }: Asking = {},
): Promise<Fetched> {
  const limit = limited(within, signal);
  try {
    const body = form && { method: 'POST', body: new URLSearchParams(form) };
    const response = await send(url, { headers, signal: limit.signal, ...body });
    const etag = response.headers.get('etag') ?? undefined;
    if (response.status === 304 && headers['if-none-match'] !== undefined) return { isUnchanged: true, text: '', etag };
    if (response.status !== 200) throw await refused(url, response);
    return { isUnchanged: false, text: await textOf(url, response, atMost), etag };
  } finally {
    limit.release();
  }
}

type Limit = { signal: AbortSignal; renew(): void; release(): void };

/**
 * A signal that aborts when a time in milliseconds is over, or another one does. `AbortSignal.any` would keep a trace of
 * each request for as long as the other one lives.
 */
export function limited(ms: number, other?: AbortSignal): Limit {
  const controller = new AbortController();
  const stop = () => controller.abort(other?.reason);
  const tooLate = () => controller.abort(new Error(`Nothing came for ${ms / 1000} s.`));
  let timer = setTimeout(tooLate, ms);
  if (other?.aborted) stop();
  other?.addEventListener('abort', stop);
  return {
    signal: controller.signal,
    renew() {
      clearTimeout(timer);
      timer = setTimeout(tooLate, ms);
    },
    release() {
      clearTimeout(timer);
      other?.removeEventListener('abort', stop);
    },
  };
}

/** @throws FetchError as `fetchText` */
export async function fetchJson(url: string, asking?: Asking): Promise<unknown> {
  const { text } = await fetchText(url, asking);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FetchError(`${url} is no JSON.`, { cause });
  }
}

/**
 * Opens a stream of events, which the caller reads.
 * @throws FetchError for any other answer
 */
export async function openStream(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const response = await send(url, { headers: { ...headers, accept: 'text/event-stream' }, signal });
  const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
  if (response.status !== 200 || !isStream || !response.body) throw await refused(url, response);
  return response.body;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    // Not compressed: the bound is on what comes.
    const headers = { 'accept-encoding': 'identity', ...init.headers };
    return await fetch(url, { ...init, headers, redirect: 'manual' });
  } catch (cause) {
    throw new FetchError(`${url} cannot be reached.`, { cause });
  }
}

async function refused(url: string, response: Response): Promise<FetchError> {
  const { status, headers } = response;
  await response.body?.cancel().catch(() => undefined);
  const seconds = Number(headers.get('retry-after'));
  const retryAfter = Number.isInteger(seconds) && seconds > 0 ? { retryAfter: seconds } : {};
  return new FetchError(`${url} answered ${status}.`, { status, ...retryAfter });
}

async function textOf(url: string, { body }: Response, atMost: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > atMost) throw new Error('The body is too large.');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new FetchError(`${url} broke off.`, { cause });
  }
  return Buffer.concat(chunks).toString();
}
