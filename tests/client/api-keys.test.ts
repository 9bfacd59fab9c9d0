import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endApiKey, listApiKeys, makeApiKey } from '../../client/src/api-keys.js';
import type { Client } from '../../client/src/index.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { newName, startClient } from './support/clients.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

async function signedIn(): Promise<Client> {
  const client = startClient(app);
  await client.signUp({ username: newName(), password });
  return client;
}

const todosWith = (key: string) => app.http.get('/todos').set('Authorization', `Bearer ${key}`);

describe('the API keys of the signed-in user', () => {
  it('are made, listed and ended; a new one opens what its scopes say, until it has ended', async () => {
    const client = await signedIn();
    const made = await makeApiKey(client, {
      name: 'Nightly backup',
      scopes: ['todos:read'],
      expiresIn: 3600,
      password,
    });
    expect((await todosWith(made.key)).status).toBe(200);
    const [listed, ...others] = await listApiKeys(client);
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ id: made.id, name: 'Nightly backup', scopes: ['todos:read'] });
    expect(listed).not.toHaveProperty('key');
    const life = Date.parse(`${made.expires_at}`) - Date.parse(made.created_at);
    expect(Math.round(life / 1000)).toBe(3600);

    await expect(endApiKey(client, made.id)).resolves.toBeUndefined();
    expect((await todosWith(made.key)).body.code).toBe('api_key_revoked');
    expect(await listApiKeys(client)).toEqual([]);
    await expect(endApiKey(client, made.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('take the password, and no scope that the user lacks', async () => {
    const client = await signedIn();
    const key = { name: 'Bot', scopes: ['todos:read'] };
    await expect(makeApiKey(client, { ...key, password: 'a wrong one' })).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    await expect(makeApiKey(client, key)).rejects.toMatchObject({ code: 'validation_failed' });
    await expect(makeApiKey(client, { name: 'Bot', scopes: ['users:read'], password })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await listApiKeys(client)).toEqual([]);
  });

  it('are not those of another user', async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    const { id } = await makeApiKey(one, { name: 'Mine', scopes: ['todos:read'], password });
    expect(await listApiKeys(other)).toEqual([]);
    await expect(endApiKey(other, id)).rejects.toMatchObject({ code: 'not_found' });
  });
});
