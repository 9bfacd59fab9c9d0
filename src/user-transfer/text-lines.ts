/** Longer than any user. */
export const MAX_LINE_LENGTH = 16_384;

/**
 * The lines of a text in UTF-8, without their ends, each as soon as it is whole. Of one that is longer than
 * `MAX_LINE_LENGTH` comes one character more than that, so that a file without line ends can't fill the memory.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // It drops a byte order mark at the start.
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const [first = '', ...more] = decoder.decode(chunk, { stream: true }).split('\n');
    rest = (rest + first).slice(0, MAX_LINE_LENGTH + 1);
    for (const next of more) {
      yield withoutReturn(rest);
      rest = next.slice(0, MAX_LINE_LENGTH + 1);
    }
  }
  rest = (rest + decoder.decode()).slice(0, MAX_LINE_LENGTH + 1);
  if (rest !== '') yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
