import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { signAccessToken } from '../../src/sessions/access-tokens.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';

const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url');
const es256 = (key: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });

describe('access tokens', () => {
  let app: TestApp;
  let ada: SignedUp;
  let claims: jwt.JwtPayload;
  beforeAll(async () => {
    app = await startApp();
    ada = await app.signUp();
    claims = jwt.decode(ada.accessToken) as jwt.JwtPayload;
  });
  afterAll(() => app.stop());
  afterEach(() => {
    vi.useRealTimers();
  });

  const open = async (token: string, on = app) => {
    const { status, body } = await on.http.get('/welcome').set('Authorization', `Bearer ${token}`);
    return [status, body.code];
  };
  const ourKey = () => app.deps.keys.active('access');

  /** A token signed by our own key, with any payload and header. */
  function signed(payload: unknown, header: object = {}, signer = es256(ourKey().privateKey)): string {
    const head = base64url(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: ourKey().kid, ...header }));
    const input = `${head}.${base64url(typeof payload === 'string' ? payload : JSON.stringify(payload))}`;
    return `${input}.${base64url(signer(input))}`;
  }
  const without = (name: string) => Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));

  it('carry exactly the claims of the contract, and no personal data (RFC 9068 §2.2, §6)', () => {
    expect(jwt.decode(ada.accessToken, { complete: true })?.header).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: ourKey().kid,
    });
    expect(claims).toEqual({
      iss: 'http://localhost:3000',
      aud: 'gatelatch',
      client_id: 'gatelatch',
      sub: ada.userId,
      sid: ada.sessionId,
      roles: [],
      scope: 'profile:read todos:read todos:write',
      ver: 0,
      epoch: 0,
      auth_time: expect.any(Number),
      amr: ['pwd'],
      acr: 'aal1',
      iat: expect.any(Number),
      exp: (claims.iat ?? 0) + 900,
      jti: expect.any(String),
    });
    expect(Math.abs((claims.iat ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('expire exactly after ACCESS_TOKEN_TTL, which expires_in also says', async () => {
    const short = await startAppForTest({ ACCESS_TOKEN_TTL: '90s' });
    const { body } = await short.http.post('/auth/signup').send({ username: 'brief', password: ada.password });
    const { iat = 0, exp } = jwt.decode(body.access_token) as jwt.JwtPayload;
    expect([exp, body.expires_in]).toEqual([iat + 90, 90]);
  });

  it('each have their own id', () => {
    const signIn = { amr: ['pwd'], acr: 'aal1' as const, authTime: new Date() };
    const subject = { id: ada.userId, roles: [], version: 0, epoch: 0, sessionId: ada.sessionId, own: {}, ...signIn };
    const sign = () => signAccessToken(app.deps.keys, app.config.tokens, subject, 1_700_000_000);
    const ids = Array.from({ length: 1000 }, () => (jwt.decode(sign()) as jwt.JwtPayload).jti);
    expect(new Set(ids).size).toBe(1000);
  });

  it('are accepted until the second in their exp claim, and refused from that second on', async () => {
    const { accessToken } = await app.signUp();
    const { exp = 0 } = jwt.decode(accessToken) as jwt.JwtPayload;
    for (const _time of ['unseen before', 'seen before']) {
      vi.useFakeTimers({ toFake: ['Date'], now: exp * 1000 - 1 });
      expect(await open(accessToken)).toEqual([200, undefined]);
      vi.setSystemTime(exp * 1000);
      expect(await open(accessToken)).toEqual([401, 'token_expired']);
    }
    vi.setSystemTime((exp + 86_400 * 365 * 20) * 1000);
    expect(await open(accessToken)).toEqual([401, 'token_expired']);
  });

  it('are refused as expired even when they are seen for the first time', async () => {
    const { accessToken } = await app.signUp();
    const { exp = 0 } = jwt.decode(accessToken) as jwt.JwtPayload;
    vi.useFakeTimers({ toFake: ['Date'], now: exp * 1000 });
    expect(await open(accessToken)).toEqual([401, 'token_expired']);
  });

  describe('signed by our own key', () => {
    it('are accepted when their claims are right (without this, the refusals below would prove nothing)', async () => {
      expect(await open(signed(claims))).toEqual([200, undefined]);
      expect(await open(signed({ ...claims, extra: 1 }))).toEqual([200, undefined]);
    });

    it.each(['iss', 'aud', 'client_id', 'sub', 'sid', 'roles', 'ver', 'iat', 'exp', 'jti'])(
      'are refused without the claim %s (RFC 9068 §4)',
      async (name) => {
        expect(await open(signed(without(name)))).toEqual([401, 'invalid_token']);
      },
    );

    it.each<[string, unknown]>([
      ['iss', 'http://localhost:3000/'],
      ['iss', 'https://evil.example'],
      ['iss', ['http://localhost:3000']],
      ['aud', 'other'],
      ['aud', ''],
      ['aud', 'Gatelatch'],
      ['client_id', 'other'],
      ['sub', 'ada'],
      ['sub', 1],
      ['sub', null],
      ['sub', {}],
      ['sid', ''],
      ['sid', null],
      ['jti', ''],
      ['jti', 1],
      ['roles', 'admin'],
      ['roles', [1]],
      ['roles', null],
      ['ver', '0'],
      ['ver', -1],
      ['ver', 0.5],
      ['ver', null],
      ['iat', '1700000000'],
      ['iat', null],
      ['exp', null],
      ['exp', '9999999999'],
      ['exp', true],
      ['exp', 1e308],
      ['nbf', 9_999_999_999],
    ])('are refused if %s is %j', async (name, value) => {
      expect(await open(signed({ ...claims, [name]: value }))).toEqual([401, 'invalid_token']);
    });

    it('are refused if they are valid for more than 24 hours or were issued in the future', async () => {
      const now = Math.floor(Date.now() / 1000);
      expect(await open(signed({ ...claims, iat: now, exp: now + 86_400 }))).toEqual([200, undefined]);
      for (const [iat, exp] of [
        [now, now + 86_401],
        [now + 120, now + 900],
        [now, now * 1000],
        [0, now + 60],
      ])
        expect(await open(signed({ ...claims, iat, exp })), `${iat} ${exp}`).toEqual([401, 'invalid_token']);
    });

    it.each(['null', '[]', '"text"', '1', 'true', '', '{', '{}', `[${'['.repeat(1000)}`])(
      'are refused with 401 if their payload is %s',
      async (payload) => {
        expect(await open(signed(payload))).toEqual([401, 'invalid_token']);
      },
    );

    it.each<object>([
      { typ: 'JWT' },
      { typ: undefined },
      { typ: 'rt+jwt' },
      { typ: 'AT+JWT ' },
      { kid: undefined },
      { kid: '' },
      { kid: 'other' },
      { kid: 1 },
      { kid: '__proto__' },
      { kid: '../../dev/null' },
      { crit: ['exp'] },
      { crit: [] },
      { b64: false },
      { jku: 'http://127.0.0.1:9/keys' },
      { x5u: 'http://127.0.0.1:9/keys' },
      { jwk: { kty: 'oct', k: 'AAAA' } },
      { cty: 'JWT' },
      { alg: 'none' },
      { alg: 'None' },
      { alg: 'HS256' },
      { alg: 'ES384' },
      { alg: 'RS256' },
      { alg: 'es256' },
      { alg: undefined },
    ])('are refused with the header field %j (RFC 8725 §3.1, §3.11; RFC 7515 §4.1.11)', async (header) => {
      expect(await open(signed(claims, header))).toEqual([401, 'invalid_token']);
    });
  });

  describe('not signed by our key for access tokens', () => {
    it('are refused if another key signed them, even with our kid or with that key in the header', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const jwk = publicKey.export({ format: 'jwk' });
      for (const header of [{}, { kid: 'theirs' }, { jwk }, { kid: 'theirs', jwk }])
        expect(await open(signed(claims, header, es256(privateKey)))).toEqual([401, 'invalid_token']);
    });

    it('are refused if our public key was used as an HMAC secret', async () => {
      const { body } = await app.http.get('/.well-known/jwks.json');
      const publicKey = createPublicKey({ key: body.keys[0], format: 'jwk' });
      const spellings = [
        publicKey.export({ format: 'pem', type: 'spki' }),
        String(publicKey.export({ format: 'pem', type: 'spki' })).trim(),
        publicKey.export({ format: 'der', type: 'spki' }),
        JSON.stringify(body.keys[0]),
        '',
      ];
      for (const secret of spellings) {
        const hmac = (input: string) => createHmac('sha256', secret).update(input).digest();
        expect(await open(signed(claims, { alg: 'HS256' }, hmac))).toEqual([401, 'invalid_token']);
      }
    });

    it('are refused if one of our keys for another purpose signed them (RFC 8725 §3.12)', async () => {
      for (const purpose of ['refresh', 'device'] as const) {
        const key = app.deps.keys.active(purpose);
        const hmac = (input: string) => createHmac('sha256', key.privateKey).update(input).digest();
        expect(await open(signed(claims, { alg: 'HS256', kid: key.kid }, hmac))).toEqual([401, 'invalid_token']);
      }
    });

    it('are refused if another deployment signed them', async () => {
      const elsewhere = await startAppForTest();
      const stranger = await elsewhere.signUp();
      expect(await open(stranger.accessToken, elsewhere)).toEqual([200, undefined]);
      expect(await open(stranger.accessToken)).toEqual([401, 'invalid_token']);
    });

    it('are refused without a signature, or with a broken one', async () => {
      const [head, payload, signature = ''] = ada.accessToken.split('.');
      const input = `${head}.${payload}`;
      const broken = [
        input,
        `${input}.`,
        `${input}.${signature.slice(0, 43)}`,
        `${input}.${signature}.x`,
        `.${input}.${signature}`,
      ];
      const zeros = `${input}.${base64url(Buffer.alloc(64))}`;
      for (const token of [...broken, zeros]) expect(await open(token), token).toEqual([401, 'invalid_token']);
    });
  });

  it.each(['RS256', 'HS256'])('signed with %s follow the same rules', async (algorithm) => {
    const other = await startAppForTest({ JWT_ALGORITHM: algorithm });
    const { accessToken } = await other.signUp();
    expect(await open(accessToken, other)).toEqual([200, undefined]);
    const [head, payload, signature] = accessToken.split('.');
    const raised = base64url(JSON.stringify({ ...(jwt.decode(accessToken) as object), roles: ['admin'] }));
    expect(await open(`${head}.${raised}.${signature}`, other)).toEqual([401, 'invalid_token']);
    const none = base64url(JSON.stringify({ ...jwt.decode(accessToken, { complete: true })?.header, alg: 'none' }));
    expect(await open(`${none}.${payload}.`, other)).toEqual([401, 'invalid_token']);
  });

  it('of a user and session that never existed do not open /me', async () => {
    const ghost = { ...claims, sub: randomUUID(), sid: randomUUID() };
    const me = await app.http.get('/me').set('Authorization', `Bearer ${signed(ghost)}`);
    expect(me.status).toBe(401);
  });
});
