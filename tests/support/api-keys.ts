import { v7 as uuidv7 } from 'uuid';
import { writeApiKey } from '../../src/api-keys/format.js';
import type { TestApp } from './app.js';

export type MadeKey = { id: string; key: string; bearer: { Authorization: string } };

/** Puts a key into the database, whatever its owner may. */
export async function makeApiKey(
  app: Pick<TestApp, 'deps' | 'secrets'>,
  userId: string,
  scopes: string[],
  { expiresAt = new Date(Date.now() + 86_400_000) }: { expiresAt?: Date | null } = {},
): Promise<MadeKey> {
  const id = uuidv7();
  const { key, start, secretHash } = writeApiKey('glk', id);
  await app.deps.db.apiKey.create({
    data: { id, userId, name: 'of a test', start, secretHash: new Uint8Array(secretHash), scopes, expiresAt },
  });
  app.secrets.add('an API key', key);
  return { id, key, bearer: { Authorization: `Bearer ${key}` } };
}
