/**
 * The body of a function as lines of a Postman script. A function, so that it is formatted and checked like all code;
 * it cannot use anything outside of it.
 */
export function linesOf(work) {
  const lines = String(work).split('\n').slice(1, -1);
  const indent = Math.min(...lines.filter(Boolean).map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent));
}

/** @param type `prerequest` or `test` */
export function eventOf(type, lines) {
  return lines.length === 0 ? [] : [{ listen: type, script: { type: 'text/javascript', exec: lines } }];
}
