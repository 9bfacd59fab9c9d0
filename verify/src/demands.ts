/** What a token must have besides being good. */
export type Demands = { permission?: string | undefined };

/** A demand that is written wrong must not pass for none. @throws TypeError */
export function permissionIn(demands: Demands): string | undefined {
  const names = typeof demands === 'object' && demands !== null ? Object.keys(demands) : [String(demands)];
  const unknown = names.find((name) => name !== 'permission');
  if (unknown !== undefined) throw new TypeError(`Only a permission can be demanded, not ${unknown}.`);
  return demands.permission;
}
