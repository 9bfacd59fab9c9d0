import * as client from 'openid-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { type Client, serviceClient } from './clients.js';

describe('A client that nobody here wrote (openid-client)', () => {
  let app: TestApp;
  let service: Client;
  beforeEach(async () => {
    const port = String(await freePort());
    app = await startAppForTest({ PORT: port, JWT_ISSUER: `http://localhost:${port}` });
    service = await serviceClient(app, ['admin'], ['tokens:introspect', 'todos:read']);
  });

  const discover = (way: client.ClientAuth) =>
    client.discovery(new URL(app.config.tokens.issuer), service.userId, undefined, way, {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
    });

  it.each([
    ['client_secret_basic', client.ClientSecretBasic],
    ['client_secret_post', client.ClientSecretPost],
  ])('finds the server and gets a token by %s', async (_, way) => {
    const found = await discover(way(service.key));
    const tokens = await client.clientCredentialsGrant(found, { scope: 'todos:read' });
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'todos:read' });
    const answer = await fetch(`${app.url}/todos`, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
    expect(answer.status).toBe(200);
  });

  it('asks whether a token is good, revokes it, and then it is not', async () => {
    const found = await discover(client.ClientSecretBasic(service.key));
    const user = await app.signUp();
    const introspect = async () => (await client.tokenIntrospection(found, user.accessToken)).active;
    expect(await introspect()).toBe(true);
    await client.tokenRevocation(found, user.accessToken);
    expect(await introspect()).toBe(false);
  });

  it('reads why it was refused', async () => {
    const found = await discover(client.ClientSecretBasic('wrong'));
    await expect(client.clientCredentialsGrant(found)).rejects.toMatchObject({
      cause: [{ scheme: 'basic', parameters: { realm: 'gatelatch' } }],
    });
    const post = await discover(client.ClientSecretPost(service.key));
    await expect(client.clientCredentialsGrant(post, { scope: 'webhooks:write' })).rejects.toMatchObject({
      error: 'invalid_scope',
    });
  });
});
