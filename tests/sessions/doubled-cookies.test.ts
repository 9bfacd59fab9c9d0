import { describe, expect, it } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';
import { expectProblem } from '../support/problem.js';

const origin = 'https://login.example.com';
const environment = { JWT_ISSUER: origin };

async function signedIn({ http, signUp }: TestApp) {
  const { username, password } = await signUp();
  const body = { username, password, transport: 'cookie' };
  const cookies = cookiesOf(await http.post('/auth/login').set('Origin', origin).send(body).expect(200));
  return { body, cookies, cookie: cookieHeader(cookies) };
}

/** What a browser still has after these `Set-Cookie` lines, of cookies with this name. */
function identities(answer: { headers: Record<string, unknown> }): string[] {
  const lines = (answer.headers['set-cookie'] ?? []) as string[];
  return lines.map((line) => {
    expect(line).toMatch(/^[\w-]+=; .*Expires=Thu, 01 Jan 1970/);
    const [name] = line.split('=');
    return `${name} ${/Domain=([^;]+)/.exec(line)?.[1] ?? 'this host'} ${/Path=([^;]+)/.exec(line)?.[1]}`;
  });
}

describe('A request with one of our cookies twice', () => {
  it.each([
    ['POST /auth/login', 'access_token'],
    ['POST /auth/login', 'device'],
    ['POST /auth/signup', 'access_token'],
    ['POST /auth/refresh', 'refresh_token'],
    ['POST /auth/logout', 'refresh_token'],
    ['GET /me', 'access_token'],
    ['POST /me/password', 'access_token'],
  ])('%s is refused, naming the cookie, and the session goes on: %s', async (line, name) => {
    const app = await startAppForTest(environment);
    const { body, cookie } = await signedIn(app);
    const [method, path = ''] = line.split(' ');
    const send = (sent: string) => {
      const request = app.http[method === 'GET' ? 'get' : 'post'](path).set({ Origin: origin, Cookie: sent });
      return method === 'GET' ? request : request.send(body);
    };
    for (const doubled of [`${name}=planted; ${cookie}`, `${cookie}; ${name}=planted`, `${cookie};${name}=planted`]) {
      const refused = await send(doubled);
      expectProblem(refused, 'invalid_request');
      expect(refused.body.detail).toContain(`The cookie ${name} came twice`);
    }
    await app.http.get('/me').set('Cookie', cookie).expect(200);
  });

  it('is answered by expiring every usual domain and path but our own', async () => {
    const app = await startAppForTest(environment);
    const { cookie } = await signedIn(app);
    const refused = await app.http
      .post('/auth/refresh')
      .set({ Origin: origin, Cookie: `refresh_token=planted; ${cookie}` })
      .expect(400);
    const cleared = identities(refused);
    for (const domain of ['login.example.com', 'example.com'])
      for (const path of ['/', '/auth', '/auth/', '/auth/refresh'])
        expect(cleared).toContain(`refresh_token ${domain} ${path}`);
    expect(cleared).toContain('refresh_token this host /auth/refresh');
    expect(cleared).not.toContain('refresh_token this host /auth');
    // Proxies have little room for headers: 4 KiB in nginx.
    expect(String(refused.headers['set-cookie']).length).toBeLessThan(3500);
  });

  it('does not matter where a bearer token decides, and other names may come twice', async () => {
    const app = await startAppForTest(environment);
    const { bearer } = await app.signUp();
    await app.http
      .get('/me')
      .set({ ...bearer, Cookie: 'access_token=a; access_token=b' })
      .expect(200);
    const { cookie } = await signedIn(app);
    await app.http.get('/me').set('Cookie', `theme=a; theme=b; my_access_token=c; ${cookie}`).expect(200);
  });

  it('with an id that no cookie path may have is refused all the same', async () => {
    const app = await startAppForTest(environment);
    const { cookie } = await signedIn(app);
    await app.http
      .delete('/auth/sessions/a;b')
      .set({ Origin: origin, Cookie: `access_token=planted; ${cookie}` })
      .expect(400);
  });
});
