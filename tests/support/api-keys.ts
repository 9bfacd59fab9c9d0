import { v7 as uuidv7 } from 'uuid';
import { writeApiKey } from '../../src/api-keys/format.js';
import type { Db } from '../../src/platform/db/database.js';
import type { Secrets } from './secrets.js';

type KeyMaker = { deps: { db: Db }; secrets?: Secrets };

export type MadeKey = { id: string; key: string; bearer: { Authorization: string } };

/** Inserts an API key that a user has, past the endpoints that make one. */
export async function makeApiKey(
  { deps, secrets }: KeyMaker,
  userId: string,
  scopes: string[],
  { expiresAt = null }: { expiresAt?: Date | null } = {},
): Promise<MadeKey> {
  const id = uuidv7();
  const { key, start, secretHash } = writeApiKey('glk', id);
  secrets?.add('an API key', key);
  const data = { id, userId, name: 'A test’s', start, secretHash: new Uint8Array(secretHash), scopes, expiresAt };
  await deps.db.apiKey.create({ data });
  return { id, key, bearer: { Authorization: `Bearer ${key}` } };
}
