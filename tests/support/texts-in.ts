// Texts that begin alike in so many characters are compared one by one.
const beginning = 8;
const none: string[] = [];

/**
 * Those of many texts that a long one holds, by one walk over it (the search of Karp and Rabin): `includes` for each of
 * them would take minutes.
 */
export function textsIn(long: string, wanted: Iterable<string>): Set<string> {
  const found = new Set<string>();
  const byBeginning = new Map<number, string[]>();
  for (const text of new Set(wanted)) {
    if (text.length >= beginning) byBeginning.set(markOf(text), [...(byBeginning.get(markOf(text)) ?? []), text]);
    else if (long.includes(text)) found.add(text);
  }
  let mark = 0;
  for (let end = 0; end < long.length; end++) {
    mark = markWith(mark, long.charCodeAt(end));
    for (const text of byBeginning.get(mark) ?? none) if (long.startsWith(text, end - beginning + 1)) found.add(text);
  }
  return found;
}

/** A number that the last eight characters make, and none before them: older ones are shifted out of its 32 bits. */
function markWith(mark: number, character: number): number {
  return (mark << 4) ^ character;
}

function markOf(text: string): number {
  return text
    .slice(0, beginning)
    .split('')
    .reduce((mark, one) => markWith(mark, one.charCodeAt(0)), 0);
}
