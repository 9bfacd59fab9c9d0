import { createRequire } from 'node:module';
import fc from 'fast-check';

// The package is JSON without types.
const naughtyStrings: string[] = createRequire(import.meta.url)('big-list-of-naughty-strings');

/** Text that has broken other programs: from a public list, in every script, and half of a surrogate pair. */
export const hostileText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...naughtyStrings) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '\0', '\ud800', 'x'.repeat(300), '__proto__', 'constructor', '\u202e') },
);

/** Any JSON, including hostile text. */
export const hostileJson = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, 0, -1, 1e308, Number.MAX_SAFE_INTEGER + 2, [], {}, [[]]) },
);

/** Hostile text as far as a header can carry it. */
export const hostileHeader = hostileText.map((text) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
    .slice(0, 4_000),
);

/** Hostile text in a path or a query, mostly escaped correctly and sometimes not. */
export const hostileParameter = fc.oneof(
  { weight: 8, arbitrary: hostileText.map((text) => encodeURIComponent(Buffer.from(text, 'utf8').toString())) },
  { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '%c3%28', '%00', '..', '%2e%2e%2f') },
);
