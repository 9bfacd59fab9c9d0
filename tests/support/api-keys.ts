import { v7 as uuidv7 } from 'uuid';
import { createUser } from '../../src/admin/create-user.js';
import { writeApiKey } from '../../src/api-keys/format.js';
import type { Db } from '../../src/platform/db/database.js';
import type { User } from '../../src/users/users.js';
import type { SignedUp, TestApp } from './app.js';
import type { Secrets } from './secrets.js';

type KeyMaker = { deps: { db: Db }; secrets?: Secrets };

export type MadeKey = { id: string; key: string; bearer: { Authorization: string } };

/** Inserts an API key that a user has, past the endpoints that make one. */
export async function insertApiKey(
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

type App = Pick<TestApp, 'http' | 'deps'>;

/** An API key that was made by a request. */
export type TestKey = MadeKey & { start: string };

/** The request that makes a key of the user themselves. */
export function askForKey({ http }: Pick<App, 'http'>, user: SignedUp, fields: object = {}) {
  const { bearer, password } = user;
  return http
    .post('/me/api-keys')
    .set(bearer)
    .send({ name: 'Nightly backup', scopes: ['todos:read'], password, ...fields });
}

/** A key of the user themselves. */
export async function makeKey(app: Pick<App, 'http'>, user: SignedUp, fields: object = {}): Promise<TestKey> {
  return keyIn((await askForKey(app, user, fields).expect(201)).body);
}

let services = 0;

export function createServiceUser({ deps }: Pick<App, 'deps'>, roles: string[] = []): Promise<User> {
  services += 1;
  return createUser(deps, { kind: 'service', username: `service-${services}`, passwordHash: null, roles }, {});
}

/** A key of a service user, made by an admin. */
export async function makeServiceKey(
  { http }: Pick<App, 'http'>,
  admin: SignedUp,
  service: Pick<User, 'id'>,
  scopes: string[],
): Promise<TestKey> {
  const path = `/admin/users/${service.id}/api-keys`;
  return keyIn((await http.post(path).set(admin.bearer).send({ name: 'Nightly backup', scopes }).expect(201)).body);
}

function keyIn({ id, key, start }: Record<string, string>): TestKey {
  return { id: `${id}`, key: `${key}`, start: `${start}`, bearer: { Authorization: `Bearer ${key}` } };
}
