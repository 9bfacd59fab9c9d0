import type { Request } from 'express';

/** Without the query, which may hold a secret. */
export function pathOf({ originalUrl }: Request): string {
  const queryAt = originalUrl.indexOf('?');
  return queryAt < 0 ? originalUrl : originalUrl.slice(0, queryAt);
}

// Ids have 36 characters; keys and tokens have 43 or more.
const longSegment = /[^/]{41,}/g;

/** For logs and traces: a client may have put a key or a token where an id belongs. */
export function safePathOf(req: Request): string {
  return pathOf(req).replace(longSegment, '…');
}

const patterns = new WeakMap<object, string>();

/** A row's path as Express writes it. `{rest}` may have slashes. */
export function expressPath(path: string): string {
  return path.replace('{rest}', '*rest').replace(/\{(\w+)\}/g, ':$1');
}

/** The request's row in the route table: `/todos/{id}`; undefined if there is none. */
export function routePatternOf({ route }: Request): string | undefined {
  if (!route) return undefined;
  const known = patterns.get(route);
  if (known !== undefined) return known;
  const pattern = String(route.path).replace(/[:*](\w+)/g, '{$1}');
  patterns.set(route, pattern);
  return pattern;
}
