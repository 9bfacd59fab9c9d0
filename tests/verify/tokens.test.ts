import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TokenError } from '../../verify/src/index.js';
import { createTestIssuer } from '../../verify/src/testing.js';
import { answerTo, startIssuer, startVerifier } from './support/verifiers.js';

const { forgeries, close } = await createTestIssuer();
await close();

describe('verify', () => {
  it('gives the claims of a good token, which cannot be changed', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    const sub = randomUUID();
    const claims = await verifier.verify(
      issuer.token({ sub, roles: ['editor'], scope: 'orders:read orders:write', team: { id: 7 } }),
    );
    expect(claims).toMatchObject({ sub, roles: ['editor'], kind: 'session', team: { id: 7 } });
    expect(claims.permissions).toEqual(['orders:read', 'orders:write']);
    expect(() => (claims.roles as string[]).push('admin')).toThrow(TypeError);
    expect(() => Object.assign(claims.team as object, { id: 8 })).toThrow(TypeError);
  });

  it.each(forgeries)('refuses a token that is forged: %s', async (how) => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    expect(await answerTo(verifier, issuer.token())).toBe('accepted');
    expect(await answerTo(verifier, issuer.forged(how))).toBe(how === 'expired' ? 'token_expired' : 'invalid_token');
  });

  it.each(['', '.', '..', 'a.b.c', 'e30.e30.e30', 'null', 'x'.repeat(100_000), '\u0080\u00ff', 'Bearer a.b.c'])(
    'refuses text that is no token (%#)',
    async (text) => {
      const verifier = await startVerifier((await startIssuer()).options);
      expect(await answerTo(verifier, text)).toBe('invalid_token');
    },
  );

  it.each([undefined, null, 7, {}])('refuses what is no text: %s is no token at all', async (nothing) => {
    const verifier = await startVerifier((await startIssuer()).options);
    expect(await answerTo(verifier, nothing as unknown as string)).toBe('unauthenticated');
  });

  it.each<[string, Record<string, unknown>]>([
    ['sub is no id', { sub: 'admin' }],
    ['ver is text', { ver: '0' }],
    ['roles are text', { roles: 'admin' }],
    ['exp is 1e308', { exp: 1e308 }],
    ['exp is before iat', { exp: 1 }],
    ['it is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 120 }],
    ['epoch is text', { epoch: '7' }],
    ['scope is a list', { scope: ['orders:read'] }],
    ['its client is its user, and it has no scope', { client_id: randomUUID(), scope: undefined }],
    ['its audience is a list', { aud: ['gatelatch'] }],
  ])('refuses a signed token if %s', async (_, fields) => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    expect(await answerTo(verifier, issuer.token(fields))).toBe('invalid_token');
  });

  it('takes a token that was made from a key: its client is its user', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    const sub = randomUUID();
    const claims = await verifier.verify(issuer.token({ sub, client_id: sub, scope: 'orders:read' }));
    expect(claims.kind).toBe('api_key');
  });

  it('refuses a token once it has expired, also one that was good before', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, clockTolerance: 0 });
    const token = issuer.token({ expiresIn: 2 });
    expect(await answerTo(verifier, token)).toBe('accepted');
    await expect.poll(() => answerTo(verifier, token)).toBe('token_expired');
  });

  it('asks for a permission in the scope, and names it in the challenge', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier({ ...issuer.options, realm: 'orders' });
    const token = issuer.token({ scope: 'orders:read' });
    await verifier.verify(token, { permission: 'orders:read' });
    const refused = await verifier.verify(token, { permission: 'orders:write' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TokenError);
    expect(refused).toMatchObject({ status: 403, code: 'forbidden', detail: 'You lack orders:write.' });
    expect((refused as TokenError).challenge).toBe(
      'Bearer realm="orders", error="insufficient_scope", error_description="This needs a permission or a role that you do not have", scope="orders:write"',
    );
    expect(await answerTo(verifier, issuer.token({ scope: 'orders:write-all' }), 'orders:write')).toBe('forbidden');
  });

  it('refuses everything once it is closed', async () => {
    const issuer = await startIssuer();
    const verifier = await startVerifier(issuer.options);
    const token = issuer.token();
    expect(await answerTo(verifier, token)).toBe('accepted');
    verifier.close();
    expect(await answerTo(verifier, token)).toBe('temporarily_unavailable');
  });
});
