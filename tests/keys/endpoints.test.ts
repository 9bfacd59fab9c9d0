import { createPublicKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { startAppForTest } from '../support/app.js';

type Algorithm = 'ES256' | 'RS256';

describe('the JWKS', () => {
  it.each<[Algorithm, object]>([
    [
      'ES256',
      { kty: 'EC', crv: 'P-256', x: expect.stringMatching(/^[\w-]{43}$/), y: expect.stringMatching(/^[\w-]{43}$/) },
    ],
    // 384 bytes: RSA with 3072 bits has a strength of 128 bits (ASVS 11.2.3).
    ['RS256', { kty: 'RSA', n: expect.stringMatching(/^[\w-]{512}$/), e: 'AQAB' }],
  ])('contains the public key for %s and nothing of the private key', async (algorithm, members) => {
    const app = await startAppForTest({ JWT_ALGORITHM: algorithm });
    const { accessToken } = await app.signUp();
    const { status, body, headers, text } = await app.http.get('/.well-known/jwks.json');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': expect.stringMatching(/^public, max-age=[1-9]\d*$/),
    });
    const header = jwt.decode(accessToken, { complete: true })?.header;
    expect(header).toEqual({ alg: algorithm, typ: 'at+jwt', kid: expect.any(String) });
    // The key that signs, and the next one, which is published before it is used.
    const shown = { ...members, kid: expect.any(String), alg: algorithm, use: 'sig' };
    expect(body).toEqual({ keys: [shown, shown] });
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toContain(header?.kid);
    expect(text).not.toMatch(/"(d|p|q|dp|dq|qi|k|oth)":/);
  });

  it.each<Algorithm>(['ES256', 'RS256'])('lets another service verify a token by itself (%s)', async (algorithm) => {
    const app = await startAppForTest({
      JWT_ALGORITHM: algorithm,
      JWT_ISSUER: 'https://login.example',
      JWT_AUDIENCE: 'orders',
    });
    const { accessToken, userId } = await app.signUp();
    const { body } = await app.http.get('/.well-known/jwks.json');
    const kid = jwt.decode(accessToken, { complete: true })?.header.kid;
    const key = createPublicKey({ key: body.keys.find((jwk: { kid: string }) => jwk.kid === kid), format: 'jwk' });
    const claims = jwt.verify(accessToken, key, {
      algorithms: [algorithm],
      issuer: 'https://login.example',
      audience: 'orders',
    });
    expect(claims.sub).toBe(userId);
    const [head, , signature] = accessToken.split('.');
    const raised = Buffer.from(JSON.stringify({ ...(claims as object), roles: ['admin'] })).toString('base64url');
    expect(() => jwt.verify(`${head}.${raised}.${signature}`, key, { algorithms: [algorithm] })).toThrow('signature');
  });

  it('is empty for HS256, whose key must stay secret', async () => {
    const app = await startAppForTest({ JWT_ALGORITHM: 'HS256' });
    const user = await app.signUp();
    expect(jwt.decode(user.accessToken, { complete: true })?.header).toMatchObject({ alg: 'HS256', typ: 'at+jwt' });
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    const { status, body } = await app.http.get('/.well-known/jwks.json');
    expect([status, body]).toEqual([200, { keys: [] }]);
  });

  it('needs no query', async () => {
    const app = await startAppForTest();
    app.statements.length = 0;
    await app.http.get('/.well-known/jwks.json');
    expect(app.statements).toEqual([]);
  });
});
