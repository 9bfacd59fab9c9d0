import { StartError } from '../errors.js';
import { unopenedKeys } from '../keys/list.js';
import type { SecretBox } from '../keys/secret-box.js';
import { wrongSecret } from '../keys/signing-keys.js';
import { type Copied, copyTables } from '../platform/db/copy.js';
import type { Database } from '../platform/db/database.js';
import type { RunSql } from '../platform/db/driver.js';

/** From where to where; both migrated, and the box of the servers that will work on the target. */
export type Move = { source: Database; target: Database; box: SecretBox };

/**
 * Copies a whole database, signing keys and audit chain included, into one that nobody has used yet: tokens that are
 * out stay good, and the audit can still be verified. The source is left as it is.
 * @returns the tables with their rows
 * @throws StartError where `AUTH_SECRET` does not open the source's keys, or the target has or had users
 */
export async function moveDatabase({ source, target, box }: Move): Promise<Copied> {
  if ((await unopenedKeys({ db: source.client, box })).length > 0) throw wrongSecret();
  return source.withSession((from) => target.withSession((to) => copyTables(from, to, () => refuseUsed(to))));
}

// Keys of a server that has merely been started there have signed nothing; a trace of a user must not be lost.
async function refuseUsed(runSql: RunSql): Promise<void> {
  const { rows } = await runSql(
    'SELECT 1 WHERE EXISTS (SELECT FROM "user") OR EXISTS (SELECT FROM audit_event WHERE user_id IS NOT NULL)',
    [],
  );
  if (rows.length > 0)
    throw new StartError(
      'The database of DATABASE_URL has users, or had some: copy into one that nobody has used yet.',
    );
}
