import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { startCorp as start } from '../../examples/corp/corp.mjs';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { random } from '../support/pretended-providers/codes.js';
import { begin, carry, redeem, redirectUri, sentTo } from '../support/pretended-providers/go-round.js';
import { expectProblem } from '../support/problem.js';

type Corp = { issuer: string; close(): Promise<void> };
type Options = { port: number; clientId: string; clientSecret: string; redirectUris: string[] };
const startCorp: (options: Options) => Promise<Corp> = start;
const options = {
  clientId: 'gatelatch',
  // What must be encoded twice in a header (RFC 6749 §2.3.1).
  clientSecret: `${random()}:%+ &`,
  redirectUris: ['http://localhost:3000/auth/callback/corp'],
};

let corp: Corp;
let app: TestApp;
beforeAll(async () => {
  corp = await startCorp({ ...options, port: 0 });
  app = await startApp(settingsFor(corp.issuer));
});
afterAll(async () => {
  await app?.stop();
  await corp?.close();
});

function settingsFor(issuer: string) {
  return {
    PROVIDERS: 'corp',
    PROVIDER_CORP_ISSUER: issuer,
    PROVIDER_CORP_CLIENT_ID: options.clientId,
    PROVIDER_CORP_CLIENT_SECRET: options.clientSecret,
    PROVIDER_CORP_TRUST_EMAIL: 'verified',
  };
}

/** A browser at Corp, with its cookies, in which somebody presses a button. @returns where it is sent at last */
async function atCorp(url: string, pressed: Record<string, string>): Promise<URL> {
  const cookies = new Map<string, string>();
  const open = async (to: URL, init: RequestInit = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(to, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    return location ? new URL(location, to) : undefined;
  };
  const login = await open(new URL(url));
  if (!login) throw new Error('Corp did not ask who it is');
  const resumed = await open(login, { method: 'POST', body: new URLSearchParams(pressed) });
  const back = resumed && (await open(resumed));
  if (!back) throw new Error('Corp did not send the browser back');
  return back;
}

async function signIn(person: string, at = app) {
  const flow = await begin(at, { name: 'corp' });
  const back = await atCorp(flow.url, { person });
  const parameters = Object.fromEntries(back.searchParams);
  const answer = await carry(at, { method: 'GET', path: back.pathname, parameters, from: corp.issuer });
  return await redeem(at, { code: sentTo(answer).get('code'), code_verifier: flow.verifier });
}

describe('With a real OpenID provider (oidc-provider)', () => {
  it('the whole round makes a user with their address, and finds them again', async () => {
    const first = await signIn('ada');
    expect(first.status, first.text).toBe(201);
    expect(first.body).toMatchObject({
      user: { email: 'ada@corp.example' },
      external: { provider: 'corp', email: 'ada@corp.example', email_verified: true, name: 'Ada Lovelace' },
      amr: ['fed'],
    });
    const again = await signIn('ada');
    expect([again.status, again.body.user.id]).toEqual([200, first.body.user.id]);
    const bob = await signIn('bob');
    expect([bob.status, bob.body.user.id === first.body.user.id]).toEqual([201, false]);
    await app.http.get('/welcome').set('Authorization', `Bearer ${bob.body.access_token}`).expect(200);
  });

  it('who cancels there is sent back to the client', async () => {
    const flow = await begin(app, { name: 'corp' });
    const back = await atCorp(flow.url, { cancel: 'yes' });
    const parameters = Object.fromEntries(back.searchParams);
    const answer = await carry(app, { method: 'GET', path: back.pathname, parameters, from: corp.issuer });
    expect(Object.fromEntries(sentTo(answer))).toMatchObject({ error: 'access_denied', state: flow.state });
  });

  it.each(['login', 'select_account'])('takes the prompt %s, and a hint', async (prompt) => {
    const flow = await begin(app, { name: 'corp' }, { prompt, login_hint: 'carla' });
    const back = await atCorp(flow.url, { person: 'carla' });
    const parameters = Object.fromEntries(back.searchParams);
    const answer = await carry(app, { method: 'GET', path: back.pathname, parameters, from: corp.issuer });
    const { status, body } = await redeem(app, { code: sentTo(answer).get('code'), code_verifier: flow.verifier });
    expect([status, body.user.email]).toEqual([prompt === 'login' ? 201 : 200, 'carla@corp.example']);
  });

  it('one flow’s code is refused in another’s', async () => {
    const [mine, stolen] = [await begin(app, { name: 'corp' }), await begin(app, { name: 'corp' })];
    const [back, theirs] = [await atCorp(mine.url, { person: 'ada' }), await atCorp(stolen.url, { person: 'bob' })];
    const parameters = {
      ...Object.fromEntries(back.searchParams),
      code: theirs.searchParams.get('code') ?? '',
    };
    const answer = await carry(app, { method: 'GET', path: back.pathname, parameters, from: corp.issuer });
    expect(sentTo(answer).get('error')).toBe('external_login_failed');
  });

  it('it may be away at our start', async () => {
    const port = await freePort();
    const early = await startAppForTest(settingsFor(`http://localhost:${port}`));
    const body = { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43) };
    const begun = () => early.http.post('/auth/external').send(body);
    expectProblem(await begun(), 'provider_unavailable');
    const late = await startCorp({ ...options, port });
    onTestFinished(late.close);
    await expect.poll(async () => (await begun()).status, { timeout: 20_000 }).toBe(200);
    expect((await signIn('ada', early)).status).toBe(201);
  });
});
