import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { permissions } from '../../src/permissions/permissions.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';

const path = '/.well-known/oauth-authorization-server';

describe('The metadata for OAuth clients', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  it('names the endpoints and what they take (RFC 8414 §2), and may be kept for five minutes', async () => {
    const { status, body, headers } = await app.http.get(path);
    const { issuer } = app.config.tokens;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(headers['cache-control']).toBe('public, max-age=300');
    expect(body).toEqual({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      token_endpoint: `${issuer}/oauth/token`,
      introspection_endpoint: `${issuer}/oauth/introspect`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
      revocation_endpoint_auth_methods_supported: ['none'],
      scopes_supported: permissions.map(({ name }) => name),
      gatelatch_revocations_uri: 'http://localhost:3000/.well-known/revocations',
      gatelatch_revocations_stream_uri: 'http://localhost:3000/.well-known/revocations/stream',
    });
  });

  it('is nowhere else where JWT_ISSUER has no path', async () => {
    expectProblem(await app.http.get(`${path}/gate`), 'not_found');
  });

  it.each(['/gate', '/services/gate', '/a%20b'])(
    'stands behind a proxy that takes %s away at the path of RFC 8414 §3.1 too',
    async (publicPath) => {
      const issuer = `https://id.example.com${publicPath}`;
      const under = await startAppForTest({ JWT_ISSUER: issuer });
      // The host's own path reaches the server whole; one below the issuer's path comes without that.
      for (const at of [`${path}${publicPath}`, `${path}${publicPath}/`, path]) {
        const answer = await fetch(`${under.url}${at}`);
        expect([at, answer.status]).toEqual([at, 200]);
        expect(await answer.json()).toMatchObject({ issuer, token_endpoint: `${issuer}/oauth/token` });
      }
      for (const at of [`${path}/other`, `${path}${publicPath}/more`, `${path}${publicPath.slice(0, -1)}`])
        expect([at, (await fetch(`${under.url}${at}`)).status]).toEqual([at, 404]);
    },
  );
});
