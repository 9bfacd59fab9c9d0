// Who works at Corp. Whoever is typed on its login page works there, too.
const names = { ada: 'Ada Lovelace', bob: 'Bob Kahn' };

export const known = Object.entries(names).map(([id, name]) => ({ id, name }));

/** @returns what Corp says of a person, or undefined for what cannot be one */
export function personOf(id) {
  if (!/^[a-z][a-z0-9.-]{0,30}$/.test(id)) return undefined;
  return { sub: id, name: names[id] ?? id, email: `${id}@corp.example`, email_verified: true };
}
