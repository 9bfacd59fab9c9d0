/**
 * The body of a function as the lines of a Postman script. It is written as a function so that it is formatted and
 * checked as all code here is; nothing around it can be seen from inside.
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
