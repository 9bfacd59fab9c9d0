import { createServer, type RequestListener } from 'node:http';
import express, { type Express, type Request } from 'express';
import passport from 'passport';
import request from 'supertest';
import { beforeEach, describe, expect, it } from 'vitest';
import { GatelatchStrategy, requireAuth, sendRefusal, TokenError, type Verifier } from '../../verify/src/index.js';
import type { TestIssuer } from '../../verify/src/testing.js';
import { startIssuer, startVerifier } from './support/verifiers.js';

let issuer: TestIssuer;
let verifier: Verifier;
beforeEach(async () => {
  issuer = await startIssuer();
  verifier = await startVerifier({ ...issuer.options, realm: 'orders' });
});

const withExpress = (): Express => {
  const app = express();
  app.use('/orders', requireAuth(verifier));
  app.get('/orders', (req, res) => void res.json({ sub: req.auth?.sub }));
  app.post('/orders', requireAuth(verifier, { permission: 'orders:write' }), (_req, res) => void res.json({}));
  return app;
};

const withPassport = (): Express => {
  const passports = new passport.Passport();
  passports.use(new GatelatchStrategy(verifier));
  const allow = (permission?: string) => passports.authenticate('gatelatch', options(permission));
  const app = express();
  app.get('/orders', allow(), (req: Request, res) => void res.json({ sub: (req.user as { sub: string }).sub }));
  app.post('/orders', allow('orders:write'), (_req, res) => void res.json({}));
  return app;
};

/** Passport hands unknown options on to the strategy; its types do not say so. */
function options(permission?: string): passport.AuthenticateOptions {
  const all: passport.AuthenticateOptions & { permission: string | undefined } = { session: false, permission };
  return all;
}

const withNode = (): RequestListener => (req, res) => {
  const permission = req.method === 'POST' ? 'orders:write' : undefined;
  verifier.verifyRequest(req, { permission }).then(
    ({ sub }) => res.setHeader('Content-Type', 'application/json').end(JSON.stringify({ sub })),
    (error) => sendRefusal(res, error),
  );
};

describe.each([
  ['requireAuth of Express', withExpress],
  ['the strategy of Passport', withPassport],
  ['a plain server of Node', withNode],
] as const)('Behind %s', (_, make) => {
  const orders = () => request(createServer(make()));
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  it('who has a good token comes in, and is known', async () => {
    const token = issuer.token({ sub: '01890a5d-ac96-774b-bcce-b302099a8057' });
    const { status, body } = await orders().get('/orders').set(bearer(token));
    expect({ status, body }).toEqual({ status: 200, body: { sub: '01890a5d-ac96-774b-bcce-b302099a8057' } });
    await orders().get('/orders').set('Authorization', `bEaReR   ${token} `).expect(200);
  });

  it('everybody else gets problem+json, a challenge, and an id to ask about', async () => {
    const asked: [Record<string, string>, number, string, string | undefined][] = [
      [{}, 401, 'unauthenticated', 'Bearer realm="orders"'],
      [{ Authorization: 'Basic eDp5' }, 401, 'unauthenticated', 'Bearer realm="orders"'],
      [bearer(issuer.forged('alg-none')), 401, 'invalid_token', 'Bearer realm="orders", error="invalid_token"'],
      [bearer(`${issuer.token()} twice`), 401, 'invalid_token', 'Bearer realm="orders", error="invalid_token"'],
      [{ Cookie: `access_token=${issuer.token()}` }, 401, 'unauthenticated', 'Bearer realm="orders"'],
    ];
    for (const [headers, status, code, challenge] of asked) {
      const answer = await orders().get('/orders').set(headers);
      expect(answer.headers['www-authenticate']).toContain(challenge);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json; charset=utf-8',
        'cache-control': 'no-store',
      });
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ status, code, type: `urn:gatelatch:problem:${code}` });
      expect(answer.body.request_id).toBe(answer.headers['x-request-id']);
    }
  });

  it('who lacks a permission gets 403, which names it', async () => {
    const answer = await orders()
      .post('/orders')
      .set(bearer(issuer.token({ scope: 'orders:read' })));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'forbidden', scope: 'orders:write', detail: 'You lack orders:write.' });
    expect(answer.headers['www-authenticate']).toMatch(/error="insufficient_scope".*scope="orders:write"/);
    await orders()
      .post('/orders')
      .set(bearer(issuer.token({ scope: 'orders:write' })))
      .expect(200);
  });

  it('what cannot be known is 503 with Retry-After', async () => {
    verifier.close();
    const answer = await orders().get('/orders').set(bearer(issuer.token()));
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(answer.body.code).toBe('temporarily_unavailable');
  });
});

describe('The strategy of Passport with passOn', () => {
  it('leaves refusals to Passport: the next strategy, or a callback', async () => {
    const passports = new passport.Passport();
    passports.use(new GatelatchStrategy(verifier, { passOn: true, name: 'tokens' }));
    const app = express();
    app.get('/', (req, res, next) =>
      passports.authenticate('tokens', { session: false }, (error: unknown, user: unknown, info: unknown) =>
        res.json({ error: error instanceof TokenError ? error.code : null, user: Boolean(user), info }),
      )(req, res, next),
    );
    app.get('/plain', passports.authenticate('tokens', { session: false }));
    const refused = await request(app).get('/').set('Authorization', 'Bearer nothing');
    expect(refused.body).toMatchObject({ error: null, user: false, info: expect.stringContaining('invalid_token') });
    const plain = await request(app).get('/plain');
    expect([plain.status, plain.headers['www-authenticate']]).toEqual([401, 'Bearer realm="orders"']);
    expect((await request(app).get('/').set('Authorization', `Bearer ${issuer.token()}`)).body.user).toBe(true);
    verifier.close();
    const unknown = await request(app).get('/').set('Authorization', `Bearer ${issuer.token()}`);
    expect(unknown.body.error).toBe('temporarily_unavailable');
  });
});

describe('With a cookie', () => {
  const orders = () => request(createServer(withNode()));
  beforeEach(async () => {
    const cookie = { name: '__Host-access_token', origins: ['https://app.example.com'] };
    verifier = await startVerifier({ ...issuer.options, cookie });
  });
  const cookieOf = (token: string) => `other=1; __Host-access_token=${token}; more=2`;

  it('a good token comes in, and a header counts before it', async () => {
    await orders().get('/orders').set('Cookie', cookieOf(issuer.token())).expect(200);
    const both = orders().get('/orders').set('Cookie', cookieOf(issuer.token()));
    await both.set('Authorization', 'Bearer nothing').expect(401);
  });

  it.each<[string, Record<string, string>, number]>([
    ['a page of its origins', { Origin: 'https://app.example.com' }, 200],
    ['its own page, which names no origin', { 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['another origin', { Origin: 'https://evil.example' }, 403],
    ['another origin that says same-origin', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' }, 403],
    ['an origin that is null', { Origin: 'null' }, 403],
    ['another host of the site', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['who says nothing', {}, 403],
  ])('a POST of %s is answered as Gatelatch would', async (_, headers, status) => {
    const cookie = cookieOf(issuer.token({ scope: 'orders:write' }));
    const answer = await orders()
      .post('/orders')
      .set({ Cookie: cookie, ...headers });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body.code).toBe('csrf_rejected');
  });

  it('an API key in it is refused, and a cookie that came twice too', async () => {
    const key = issuer.apiKey({ scopes: ['orders:read'] });
    await orders().get('/orders').set('Authorization', `Bearer ${key}`).expect(200);
    expect((await orders().get('/orders').set('Cookie', cookieOf(key))).body.code).toBe('invalid_token');
    const twice = `${cookieOf(issuer.token())}; __Host-access_token=else`;
    expect((await orders().get('/orders').set('Cookie', twice)).body.code).toBe('invalid_request');
  });
});
