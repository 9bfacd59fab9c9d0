import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';

// How a token can be sent, by the name that the setting uses.
const ways = {
  bearer: (token: string) => ({ headers: { Authorization: `Bearer ${token}` } }),
  cookie: (token: string) => ({ headers: { Cookie: `access_token=${token}` } }),
  query: (token: string) => ({ query: { access_token: token } }),
  'header:x-access-token': (token: string) => ({ headers: { 'X-Access-Token': token } }),
};
type Way = keyof typeof ways;
const everyWay = Object.keys(ways) as Way[];

let app: TestApp;
let user: SignedUp;

const start = (sources: string) => async () => {
  app = await startApp(sources ? { ACCESS_TOKEN_SOURCES: sources } : {});
  user = await app.signUp();
};
const stop = () => app.stop();

function welcome(...sent: { headers?: object; query?: object }[]) {
  const { headers, query } = sent.reduce(
    (all, one) => ({ headers: { ...all.headers, ...one.headers }, query: { ...all.query, ...one.query } }),
    {},
  );
  return app.http
    .get('/welcome')
    .set({ ...headers })
    .query({ ...query });
}

describe.each([
  ['', ['bearer', 'cookie']],
  ['bearer', ['bearer']],
  ['cookie', ['cookie']],
  ['query', ['query']],
  ['header:X-Access-Token', ['header:x-access-token']],
  [' bearer , query ', ['bearer', 'query']],
  [everyWay.join(','), everyWay],
] as [string, Way[]][])('With ACCESS_TOKEN_SOURCES=%s', (setting, on) => {
  beforeAll(start(setting));
  afterAll(stop);

  it.each(everyWay.map((way) => [way, on.includes(way) ? 'accepts a token' : 'ignores a token'] as const))(
    'the source %s %s',
    async (way) => {
      const answer = await welcome(ways[way](user.accessToken));
      if (on.includes(way)) expect(answer.status).toBe(200);
      else expectProblem(answer, 'unauthenticated');
    },
  );

  it('a token in a source that is off changes nothing', async () => {
    const first = on[0] as Way;
    const off = everyWay.filter((way) => !on.includes(way));
    await welcome(ways[first](user.accessToken), ...off.map((way) => ways[way]('junk'))).expect(200);
  });
});

describe('With every source on', () => {
  beforeAll(start(everyWay.join(',')));
  afterAll(stop);

  const pairs = (['bearer', 'query', 'header:x-access-token'] as const).flatMap((one, at, all) =>
    all.slice(at + 1).map((other) => [one, other] as const),
  );

  it.each(pairs)('a token in %s and in %s is refused as malformed, even if both are valid', async (one, other) => {
    expectProblem(await welcome(ways[one](user.accessToken), ways[other](user.accessToken)), 'invalid_request');
  });

  it.each(pairs.flat())('a token in %s takes precedence over a cookie, valid or not', async (way) => {
    await welcome(ways[way](user.accessToken), ways.cookie('junk')).expect(200);
    expectProblem(await welcome(ways[way]('junk'), ways.cookie(user.accessToken)), 'invalid_token');
  });

  it('two access_token parameters in the query are refused as malformed', async () => {
    const path = `/welcome?access_token=${user.accessToken}&access_token=${user.accessToken}`;
    expectProblem(await app.http.get(path), 'invalid_request');
  });

  it.each(['access_token=', 'access_token', 'Access_Token=x', 'access_token[]=x', 'access_token[a]=x'])(
    '?%s does not count as a token',
    async (query) => expectProblem(await app.http.get(`/welcome?${query}`), 'unauthenticated'),
  );

  it('Authorization: Basic does not count as a token, so the cookie is used', async () => {
    const basic = { headers: { Authorization: `Basic ${Buffer.from('ada:secret').toString('base64')}` } };
    await welcome(basic, ways.cookie(user.accessToken)).expect(200);
    expectProblem(await welcome(basic), 'unauthenticated');
  });

  it.each(['', 'Bearer', 'Bearer ', 'Bearerx', 'Token x', 'x', '=', 'Basic'])(
    'Authorization: %s does not count as a token',
    async (authorization) =>
      expectProblem(await welcome({ headers: { Authorization: authorization } }), 'unauthenticated'),
  );

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('the scheme can be written %s', async (scheme) => {
    await welcome({ headers: { Authorization: `${scheme} ${user.accessToken}` } }).expect(200);
  });

  it.each(['access_token=%', 'access_token=""', '=', ';;;', 'access_token', '__proto__=x'])(
    'the cookie header %s gets 401, not an error',
    async (cookie) => expect((await welcome({ headers: { Cookie: cookie } })).status).toBe(401),
  );

  it.each(['/auth/logout', '/auth/logout-all'])(
    'a token in the query clears no cookies at %s: a page of another site can send one of its own',
    async (path) => {
      const stranger = await app.signUp();
      const answer = await app.http
        .post(path)
        .query({ access_token: stranger.accessToken })
        .set('Origin', 'https://evil.example')
        .expect(204);
      expect(answer.headers['set-cookie']).toBeUndefined();
    },
  );
});
