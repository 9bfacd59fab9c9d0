/** What a token must have besides being good. */
export type Demands = { permission?: string | undefined };

/** A demand that is written wrong must not pass for none. @throws TypeError */
export function permissionIn(demands: Demands): string | undefined {
  const names = typeof demands === 'object' && demands !== null ? Object.keys(demands) : [String(demands)];
  const unknown = names.find((name) => name !== 'permission');
  if (unknown !== undefined) throw new TypeError(`Only a permission can be demanded, not ${unknown}.`);
  return demands.permission;
}

/** The same where a route is declared: there a misspelt constant is undefined, and would let everybody in. @throws TypeError */
export function declaredPermission(demands: Demands): string | undefined {
  const permission = permissionIn(demands);
  if (Object.hasOwn(demands, 'permission') && (typeof permission !== 'string' || permission === ''))
    throw new TypeError('The permission that is demanded is a text.');
  return permission;
}
