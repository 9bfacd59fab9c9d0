/** Changes a character in the middle: the last one of base64url may have spare bits, and so a second spelling. */
export function altered(text: string): string {
  const middle = text.length >> 1;
  return `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`;
}
