import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cookieNames } from '../../../src/sessions/cookies.js';
import { goodPassword, startApp, type TestApp } from '../../support/app.js';
import { type Answer, expectProblem } from '../../support/problem.js';

type From = { Origin?: string; 'Sec-Fetch-Site'?: string };
type Verdict = 'passes' | 'is refused';

const settings = {
  JWT_ISSUER: 'https://auth.example',
  APP_URL: 'https://app.example/account',
  CORS_ORIGINS: 'https://spa.example:8443',
};

let app: TestApp;
const start = (environment: Record<string, string>) => async () => {
  app = await startApp({ ...settings, ...environment });
};
const stop = () => app.stop();
const cookie = () => cookieNames(app.config.cookies);
const ownPort = () => new URL(app.url).port;

/** Every kind of request that a cookie decides. Each creates what it needs, so that it can succeed. */
const decidedByCookie = {
  'sign-up with transport cookie': async (from: From): Promise<Answer> =>
    app.http
      .post('/auth/signup')
      .set(from)
      .send({ username: freshName(), password: goodPassword, transport: 'cookie' }),
  'login with transport cookie': async (from: From): Promise<Answer> => {
    const { username, password } = await app.signUp();
    return app.http.post('/auth/login').set(from).send({ username, password, transport: 'cookie' });
  },
  'login with an auth cookie on it': async (from: From): Promise<Answer> => {
    const { username, password, accessToken } = await app.signUp();
    return app.http
      .post('/auth/login')
      .set(from)
      .set('Cookie', `${cookie().access}=${accessToken}`)
      .send({ username, password });
  },
  'refresh by cookie': async (from: From): Promise<Answer> => {
    const { accessToken, refreshToken } = await app.signUp();
    return app.http
      .post('/auth/refresh')
      .set(from)
      .set('Cookie', `${cookie().access}=${accessToken}; ${cookie().refresh}=${refreshToken}`);
  },
  'logout by cookie': async (from: From): Promise<Answer> =>
    app.http
      .post('/auth/logout')
      .set(from)
      .set('Cookie', `${cookie().access}=${(await app.signUp()).accessToken}`),
  'logout by refresh cookie': async (from: From): Promise<Answer> =>
    app.http
      .post('/auth/logout')
      .set(from)
      .set('Cookie', `${cookie().refresh}=${(await app.signUp()).refreshToken}`),
  'a new todo by cookie': async (from: From): Promise<Answer> =>
    app.http
      .post('/todos')
      .set(from)
      .set('Cookie', `${cookie().access}=${(await app.signUp()).accessToken}`)
      .send({ title: 'x' }),
};

let names = 0;
const freshName = () => `cross-site-${names++}`;

function expectVerdict(answer: Answer, verdict: Verdict): void {
  if (verdict === 'is refused') expectProblem(answer, 'csrf_rejected');
  else expect(answer.status).toBeLessThan(300);
}

// `:own` stands for the port that the server listens on.
const origins: [Origin: string | undefined, site: string | undefined, development: Verdict, production: Verdict][] = [
  ['https://auth.example', undefined, 'passes', 'passes'],
  ['https://app.example', undefined, 'passes', 'passes'],
  ['https://spa.example:8443', 'cross-site', 'passes', 'passes'],
  [undefined, 'same-origin', 'passes', 'passes'],
  ['http://localhost::own', undefined, 'passes', 'is refused'],
  ['http://127.0.0.1::own', 'same-origin', 'passes', 'is refused'],
  ['http://[::1]::own', undefined, 'passes', 'is refused'],

  [undefined, undefined, 'is refused', 'is refused'],
  [undefined, 'same-site', 'is refused', 'is refused'],
  [undefined, 'cross-site', 'is refused', 'is refused'],
  [undefined, 'none', 'is refused', 'is refused'],
  ['null', 'same-origin', 'is refused', 'is refused'],
  ['https://evil.example', 'same-origin', 'is refused', 'is refused'],
  ['http://auth.example', undefined, 'is refused', 'is refused'],
  ['https://auth.example.evil.example', undefined, 'is refused', 'is refused'],
  ['https://evil-auth.example', undefined, 'is refused', 'is refused'],
  ['https://auth.example:8443', undefined, 'is refused', 'is refused'],
  ['https://auth.example/', undefined, 'is refused', 'is refused'],
  ['https://spa.example', undefined, 'is refused', 'is refused'],
  ['https://app.example, https://evil.example', undefined, 'is refused', 'is refused'],
  ['http://localhost:1', undefined, 'is refused', 'is refused'],
  ['http://localhost', undefined, 'is refused', 'is refused'],
  ['http://127.0.0.2::own', undefined, 'is refused', 'is refused'],
  ['http://localhost.evil.example::own', undefined, 'is refused', 'is refused'],
];

// These origins make every kind of request; the others make one kind.
const thorough: (string | undefined)[] = [
  'https://app.example',
  'http://localhost::own',
  undefined,
  'https://evil.example',
];

const fromOf = (origin: string | undefined, site: string | undefined): From => ({
  ...(origin !== undefined && { Origin: origin.replace(':own', ownPort()) }),
  ...(site !== undefined && { 'Sec-Fetch-Site': site }),
});

describe.each([
  ['while developing', 2, {}],
  ['in production', 3, { NODE_ENV: 'production', AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz' }],
] as const)('%s', (_, column, environment) => {
  beforeAll(start(environment));
  afterAll(stop);

  describe.each(origins.map((row) => [row[0], row[1], row[column]] as const))(
    'Origin %s, Sec-Fetch-Site %s',
    (origin, site, verdict) => {
      const everyRequest = Object.keys(decidedByCookie) as (keyof typeof decidedByCookie)[];
      const asked = thorough.includes(origin) ? everyRequest : (['refresh by cookie'] as const);

      it.each(asked)(`${verdict}: %s`, async (name) => {
        expectVerdict(await decidedByCookie[name](fromOf(origin, site)), verdict);
      });
    },
  );
});

describe('With the origin of an app in CORS_ORIGINS', () => {
  beforeAll(start({ CORS_ORIGINS: 'capacitor://localhost', COOKIE_SAMESITE: 'none' }));
  afterAll(stop);

  it.each([
    ['capacitor://localhost', 'accepts'],
    // What that origin is as a URL, and what every sandboxed page sends.
    ['null', 'refuses'],
    ['capacitor://localhost2', 'refuses'],
    ['tauri://localhost', 'refuses'],
  ])('Origin %s: %s a refresh by cookie', async (origin, verdict) => {
    const answer = await decidedByCookie['refresh by cookie']({ Origin: origin, 'Sec-Fetch-Site': 'cross-site' });
    expect(answer.status).toBe(verdict === 'accepts' ? 200 : 403);
  });
});

describe('From an origin that is not allowed', () => {
  const evil = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
  beforeAll(start({ ACCESS_TOKEN_SOURCES: 'bearer,cookie,query,header:x-access-token' }));
  afterAll(stop);

  it('a refused request changes nothing: the session goes on and no cookie is set', async () => {
    const { refreshToken, bearer } = await app.signUp();
    const cookie = { Cookie: `refresh_token=${refreshToken}` };
    for (const path of ['/auth/logout', '/auth/refresh']) {
      const answer = await app.http.post(path).set(evil).set(cookie);
      expectProblem(answer, 'csrf_rejected');
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    await app.http.get('/me').set(bearer).expect(200);
    await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
  });

  it('sign-up and login without cookies are accepted, because another page cannot use bearer tokens', async () => {
    const body = { username: freshName(), password: goodPassword };
    await app.http.post('/auth/signup').set(evil).send(body).expect(201);
    await app.http.post('/auth/login').set(evil).send(body).expect(200);
  });

  it('refresh and logout with a token in the body are accepted', async () => {
    const { refreshToken } = await app.signUp();
    const { body } = await app.http.post('/auth/refresh').set(evil).send({ refresh_token: refreshToken }).expect(200);
    await app.http.post('/auth/logout').set(evil).send({ refresh_token: body.refresh_token }).expect(204);
  });

  it.each([
    ['bearer', (token: string) => ({ Authorization: `Bearer ${token}` })],
    ['custom header', (token: string) => ({ 'X-Access-Token': token })],
  ])('a token by %s decides, even if cookies come with it', async (_, headers) => {
    const { accessToken } = await app.signUp();
    const request = app.http.post('/todos').set(evil).set(headers(accessToken));
    await request.set('Cookie', `access_token=${accessToken}`).send({ title: 'x' }).expect(201);
  });

  it('an invalid bearer token is refused, and the cookie is not used instead', async () => {
    const { accessToken } = await app.signUp();
    const request = app.http.post('/todos').set(evil).set('Authorization', 'Bearer junk');
    expectProblem(await request.set('Cookie', `access_token=${accessToken}`).send({ title: 'x' }), 'invalid_token');
  });

  it('reading by cookie is accepted, but CORS does not let the page see the response', async () => {
    const { accessToken } = await app.signUp();
    const answer = await app.http.get('/todos').set(evil).set('Cookie', `access_token=${accessToken}`).expect(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('cookies of other applications change nothing', async () => {
    await app.http
      .post('/todos')
      .set(evil)
      .set((await app.signUp()).bearer)
      .set('Cookie', 'theme=dark')
      .send({ title: 'x' })
      .expect(201);
  });
});
