import { createUser } from '../../src/admin/create-user.js';
import type { User } from '../../src/users/users.js';
import type { SignedUp, TestApp } from './app.js';

type App = Pick<TestApp, 'http' | 'deps'>;

/** An API key that was just made. */
export type TestKey = { id: string; key: string; start: string; bearer: { Authorization: string } };

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
