import { StartError } from '../../errors.js';

type Placed = { path: string };

/**
 * The rows with an adopter's own behind ours: so a path of theirs with a name in it, such as `/me/{name}`, takes none of ours.
 * @throws StartError if one of theirs is a path of ours
 */
export function behindOurs<Row extends Placed>(rows: Row[], isOwn: (row: Row) => boolean): Row[] {
  const own = rows.filter(isOwn);
  const ours = rows.filter((row) => !isOwn(row));
  const taken = new Set(ours.map(shapeOf));
  const same = own.find((row) => taken.has(shapeOf(row)));
  if (same) throw new StartError(`own/routes.ts: ${same.path} is a path of Gatelatch already. Take another one.`);
  return [...ours, ...own];
}

/** Names in a path do not tell it from another one. */
function shapeOf({ path }: Placed): string {
  return path.replace(/\{\w+\}/g, '{}');
}
