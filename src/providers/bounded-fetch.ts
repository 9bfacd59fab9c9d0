/** In milliseconds, from the request to the end of the answer. */
const longestWait = 5_000;

/** In bytes. */
const largestAnswer = 1_048_576;

type Options = {
  method?: string;
  headers?: NonNullable<RequestInit['headers']>;
  body?: ArrayBuffer | ReadableStream | string | Uint8Array | URLSearchParams | null | undefined;
  signal?: AbortSignal | undefined;
};

/** Asks a provider: it may not send us elsewhere, keep us waiting, or fill the memory. */
export async function boundedFetch(url: string, { body = null, signal, ...options }: Options): Promise<Response> {
  const signals = [AbortSignal.timeout(longestWait), ...(signal ? [signal] : [])];
  // A browser's types, which some tests add, know fewer kinds of bytes.
  const sent = body as NonNullable<RequestInit['body']> | null;
  const answer = await fetch(url, { ...options, body: sent, redirect: 'manual', signal: AbortSignal.any(signals) });
  const { status, headers } = answer;
  const bytes = await bytesOf(answer);
  return new Response(bytes.length > 0 ? bytes : null, { status, headers });
}

async function bytesOf({ body }: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > largestAnswer) throw new Error(`A provider answered more than ${largestAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
