import { describe, expect, it } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';

const days = 86_400;
const origin = 'http://localhost:3000';
const secret = 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz';

/** Logs in as a browser does. */
async function signUpByCookie({ http, signUp }: TestApp, ownOrigin = origin) {
  const { username, password } = await signUp();
  const body = { username, password, transport: 'cookie' };
  const answer = await http.post('/auth/login').set('Origin', ownOrigin).send(body).expect(200);
  const cookies = cookiesOf(answer);
  return { answer, cookies, cookie: cookieHeader(cookies) };
}

describe('With transport cookie', () => {
  it('sign-up and login set access_token, refresh_token and device as HttpOnly cookies', async () => {
    const app = await startAppForTest();
    const body = { username: 'ada', password: 'correct horse battery staple', transport: 'cookie' };
    const signUp = await app.http.post('/auth/signup').set('Origin', origin).send(body).expect(201);
    const login = await app.http.post('/auth/login').set('Origin', origin).send(body).expect(200);
    for (const answer of [signUp, login]) {
      const cookies = cookiesOf(answer);
      const lasting = (seconds: number) => ({ 'max-age': String(seconds), expires: expect.any(String) });
      const everywhere = { path: '/', httponly: true, samesite: 'Lax' };
      expect(Object.keys(cookies)).toEqual(['access_token', 'refresh_token', 'device']);
      expect(cookies.access_token?.attributes).toEqual({ ...everywhere, ...lasting(30 * days) });
      expect(cookies.refresh_token?.attributes).toEqual({ ...everywhere, path: '/auth', ...lasting(30 * days) });
      expect(cookies.device?.attributes).toEqual({ ...everywhere, ...lasting(400 * days) });
    }
  });

  it('no response has any of the three tokens in its body', async () => {
    const app = await startAppForTest();
    const { answer, cookie } = await signUpByCookie(app);
    const refreshed = await app.http.post('/auth/refresh').set({ Origin: origin, Cookie: cookie }).expect(200);
    for (const { body, text, headers } of [answer, refreshed]) {
      expect(Object.keys(body).sort()).toEqual([
        'acr',
        'amr',
        'auth_time',
        'expires_in',
        'refresh_expires_in',
        'scope',
        'session_id',
        'token_type',
        'user',
      ]);
      for (const { value } of Object.values(cookiesOf({ headers }))) expect(text).not.toContain(value);
    }
  });

  it('the access token cookie works like a bearer token', async () => {
    const app = await startAppForTest();
    const { cookies, cookie } = await signUpByCookie(app);
    await app.http.get('/me').set('Cookie', cookie).expect(200);
    await app.http.get('/me').set('Cookie', `access_token=${cookies.access_token?.value}`).expect(200);
    await app.http.get('/me').set('Cookie', `refresh_token=${cookies.refresh_token?.value}`).expect(401);
  });

  it('a refresh sets both tokens again and does not touch the device cookie', async () => {
    const app = await startAppForTest();
    const { cookie, cookies } = await signUpByCookie(app);
    const answer = await app.http.post('/auth/refresh').set({ Origin: origin, Cookie: cookie }).expect(200);
    expect(Object.keys(cookiesOf(answer))).toEqual(['access_token', 'refresh_token']);
    expect(cookiesOf(answer).refresh_token?.value).not.toBe(cookies.refresh_token?.value);
    expect(cookiesOf(answer).refresh_token?.attributes.path).toBe('/auth');
  });

  it('each cookie is under 4,096 bytes, and all together are under 8,000 bytes', async () => {
    const app = await startAppForTest({ JWT_ALGORITHM: 'RS256', JWT_AUDIENCE: 'a'.repeat(200), COOKIE_PREFIX: 'on' });
    const { cookie } = await signUpByCookie(app);
    for (const pair of cookie.split('; ')) expect(pair.length).toBeLessThan(4096);
    expect(cookie.length).toBeLessThan(8000);
  });
});

describe('At logout', () => {
  it.each([
    ['by default', {}],
    ['with COOKIE_PREFIX=on', { COOKIE_PREFIX: 'on' }],
    ['with COOKIE_DOMAIN and COOKIE_SAMESITE=none', { COOKIE_DOMAIN: 'example.com', COOKIE_SAMESITE: 'none' }],
  ])(
    'both token cookies are cleared with the attributes they were set with, and the device cookie stays, %s',
    async (_, environment) => {
      const app = await startAppForTest(environment);
      const { cookie, cookies } = await signUpByCookie(app);
      const answer = await app.http.post('/auth/logout').set({ Origin: origin, Cookie: cookie }).expect(204);
      const cleared = cookiesOf(answer);
      expect(Object.keys(cleared)).toEqual(Object.keys(cookies).slice(0, 2));
      for (const [name, { value, attributes }] of Object.entries(cleared)) {
        const { 'max-age': _, expires: __, ...set } = cookies[name]?.attributes ?? {};
        const { expires, 'max-age': maxAge = '0', ...rest } = attributes;
        expect({ value, maxAge }).toEqual({ value: '', maxAge: '0' });
        expect(Date.parse(String(expires))).toBeLessThan(Date.now());
        expect(rest).toEqual(set);
      }
      await app.http.get('/me').set('Cookie', cookie).expect(401);
    },
  );
});

describe('The cookie settings:', () => {
  it('COOKIE_PREFIX=on adds __Host- and __Secure- to the names, with the attributes they need, and no other names are read', async () => {
    const app = await startAppForTest({ COOKIE_PREFIX: 'on' });
    const { cookies, cookie } = await signUpByCookie(app);
    expect(Object.keys(cookies)).toEqual(['__Host-access_token', '__Secure-refresh_token', '__Host-device']);
    for (const [name, { attributes }] of Object.entries(cookies)) {
      expect(attributes.secure).toBe(true);
      expect(attributes.domain).toBeUndefined();
      expect(attributes.path).toBe(name.startsWith('__Host-') ? '/' : '/auth');
    }
    await app.http.get('/me').set('Cookie', cookie).expect(200);
    await app.http.post('/auth/refresh').set({ Origin: origin, Cookie: cookie }).expect(200);
    await app.http
      .get('/me')
      .set('Cookie', cookie.replaceAll(/__(Host|Secure)-/g, ''))
      .expect(401);
  });

  it('without COOKIE_PREFIX, a __Host- cookie is not read', async () => {
    const app = await startAppForTest();
    const { cookies } = await signUpByCookie(app);
    await app.http.get('/me').set('Cookie', `__Host-access_token=${cookies.access_token?.value}`).expect(401);
  });

  it('the refresh cookie is for the path of JWT_ISSUER, where browsers see it', async () => {
    const app = await startAppForTest({ JWT_ISSUER: 'https://auth.example/my/gate' });
    const { cookies, cookie } = await signUpByCookie(app, 'https://auth.example');
    expect(cookies.refresh_token?.attributes.path).toBe('/my/gate/auth');
    const answer = await app.http
      .post('/auth/logout')
      .set({ Origin: 'https://auth.example', Cookie: cookie })
      .expect(204);
    expect(cookiesOf(answer).refresh_token?.attributes.path).toBe('/my/gate/auth');
  });

  it('COOKIE_DOMAIN applies to all three cookies', async () => {
    const { cookies } = await signUpByCookie(await startAppForTest({ COOKIE_DOMAIN: 'example.com' }));
    expect(Object.values(cookies).map(({ attributes }) => attributes.domain)).toEqual(Array(3).fill('example.com'));
  });

  it.each([
    ['COOKIE_SAMESITE=none', { COOKIE_SAMESITE: 'none' }, 'None', origin],
    ['an issuer on https', { JWT_ISSUER: 'https://auth.example' }, 'Lax', 'https://auth.example'],
    ['production', { NODE_ENV: 'production', AUTH_SECRET: secret }, 'Lax', origin],
    [
      'COOKIE_SAMESITE=strict on https',
      { JWT_ISSUER: 'https://auth.example', COOKIE_SAMESITE: 'strict' },
      'Strict',
      'https://auth.example',
    ],
  ])('%s makes the cookies Secure', async (_, environment, sameSite, ownOrigin) => {
    const { cookies } = await signUpByCookie(await startAppForTest(environment), ownOrigin);
    expect(Object.values(cookies)).toHaveLength(3);
    for (const { attributes } of Object.values(cookies))
      expect(attributes).toMatchObject({ secure: true, samesite: sameSite });
  });

  it('both token cookies live as long as the refresh token', async () => {
    const { answer, cookies } = await signUpByCookie(
      await startAppForTest({ ACCESS_TOKEN_TTL: '5m', REFRESH_TOKEN_TTL: '2d' }),
    );
    expect(answer.body).toMatchObject({ expires_in: 300, refresh_expires_in: 2 * days });
    expect(cookies.access_token?.attributes['max-age']).toBe(String(2 * days));
    expect(cookies.refresh_token?.attributes['max-age']).toBe(String(2 * days));
  });
});

describe('A refresh by cookie', () => {
  const refresh = ({ http }: TestApp, cookie: string) =>
    http.post('/auth/refresh').set({ Origin: origin, Cookie: cookie }).send({});

  it.each([{}, { COOKIE_PREFIX: 'on' }])(
    'needs the access token’s cookie of the same session: nobody can slip a session of theirs into a browser, with %j',
    async (environment) => {
      const app = await startAppForTest(environment);
      const [own, planted] = [await signUpByCookie(app), await signUpByCookie(app)];
      const [access, refreshToken] = own.cookie.split('; ');
      const [, plantedRefresh = ''] = planted.cookie.split('; ');
      for (const cookie of [
        plantedRefresh,
        `${access}; ${plantedRefresh}`,
        `${plantedRefresh}; ${access?.split('=')[0]}=x.y.z`,
      ]) {
        const answer = await refresh(app, cookie).expect(401);
        expect(answer.body.code).toBe('invalid_refresh_token');
        expect(cookiesOf(answer)).toEqual({});
      }
      await refresh(app, `${access}; ${refreshToken}`).expect(200);
      // It was no theft either.
      await refresh(app, planted.cookie).expect(200);
    },
  );

  it('takes an expired access token, also of a key that is gone', async () => {
    const app = await startAppForTest({ ACCESS_TOKEN_TTL: '1s' });
    const { cookie } = await signUpByCookie(app);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await app.http.get('/me').set('Cookie', cookie).expect(401);
    const header = Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"AAAAAAAAAAAA"}').toString('base64url');
    await refresh(app, cookie.replace(/(access_token=)[^.]+/, `$1${header}`)).expect(200);
  });

  it('goes on after an upgrade: a session of before may do without, and its next cookies are held to the rule', async () => {
    const app = await startAppForTest({ COOKIE_PREFIX: 'on' });
    const { cookies } = await signUpByCookie(app);
    await app.deps.db.session.updateMany({ data: { needsAccessCookie: false } });
    // What is left of the cookies of an older release after a quarter of an hour.
    const answer = await refresh(app, `refresh_token=${cookies['__Secure-refresh_token']?.value}`).expect(200);
    const now = cookiesOf(answer);
    expect(now.refresh_token?.value).toBe('');
    const refreshToken = `__Secure-refresh_token=${now['__Secure-refresh_token']?.value}`;
    await refresh(app, `${refreshToken}; __Host-access_token=${now['__Host-access_token']?.value}`).expect(200);
    await refresh(app, refreshToken).expect(401);
  });

  it('a logout clears the cookies of before the prefix, too', async () => {
    const app = await startAppForTest({ COOKIE_PREFIX: 'on' });
    const { cookies } = await signUpByCookie(app);
    const old = `refresh_token=${cookies['__Secure-refresh_token']?.value}`;
    const answer = await app.http.post('/auth/logout').set({ Origin: origin, Cookie: old }).expect(204);
    expect(Object.keys(cookiesOf(answer))).toContain('refresh_token');
    await app.http.get('/me').set('Authorization', `Bearer ${cookies['__Host-access_token']?.value}`).expect(401);
  });
});

describe('With transport bearer', () => {
  it('no cookie is set', async () => {
    const app = await startAppForTest();
    const { username, password } = await app.signUp();
    const answer = await app.http.post('/auth/login').send({ username, password }).expect(200);
    expect(cookiesOf(answer)).toEqual({});
    expect(answer.body).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) });
  });
});
