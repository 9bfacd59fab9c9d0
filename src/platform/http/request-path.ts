import type { Request } from 'express';

/** What was asked for, without the query: that may hold a secret. */
export function pathOf({ originalUrl }: Request): string {
  const queryAt = originalUrl.indexOf('?');
  return queryAt < 0 ? originalUrl : originalUrl.slice(0, queryAt);
}

const patterns = new WeakMap<object, string>();

/** The path of the row that a request met, as the route table writes it: `/todos/{id}`; undefined where it met none. */
export function routePatternOf({ route }: Request): string | undefined {
  if (!route) return undefined;
  const known = patterns.get(route);
  if (known !== undefined) return known;
  const pattern = String(route.path).replace(/:(\w+)/g, '{$1}');
  patterns.set(route, pattern);
  return pattern;
}
