import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purgeExternalFlows } from '../../src/providers/purge.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectThrottled, limitsOn, newAddress, statusesOf } from '../support/limits.js';
import { random } from '../support/pretended-providers/codes.js';
import { goRound, redirectUri } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider();
  app = await startApp({ ...corp.settings, ...limitsOn, RATE_LIMIT_EXTERNAL: '5/5m' });
});
afterAll(async () => {
  await app?.stop();
  await corp?.server.goAway();
});

const post = (path: string, from: string, body: object) => app.http.post(path).set('X-Forwarded-For', from).send(body);
const begin = (from: string) =>
  post('/auth/external', from, { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43) });
const guess = (from: string) => post('/auth/external/token', from, { code: random(), code_verifier: random() });

describe('The limit EXTERNAL', () => {
  it('counts flows begun and codes refused by address, and nobody else is kept out', async () => {
    const from = newAddress();
    const answers = [];
    for (let n = 0; n < 5; n += 1) answers.push(await (n % 2 === 0 ? begin(from) : guess(from)));
    expect(statusesOf(answers)).toEqual([200, 400, 200, 400, 200]);
    expectThrottled(await begin(from), 'external', 5, 300);
    expectThrottled(await guess(from), 'external', 5, 300);
    expect((await begin(newAddress())).status).toBe(200);
  });
});

describe('The limit MAIL_ADDRESS', () => {
  it('counts new users by a provider who are mailed, too', async () => {
    const at = await startAppForTest({ ...corp.settings, ...limitsOn, RATE_LIMIT_MAIL_ADDRESS: '2/1h' });
    const answers = [];
    for (let n = 0; n < 3; n += 1) {
      corp.person = newPerson();
      answers.push(await goRound(at, corp));
    }
    expect(statusesOf(answers)).toEqual([201, 201, 429]);
  });
});

describe('What flows leave', () => {
  it('is purged when it has expired, whatever became of them', async () => {
    await begin(newAddress());
    await app.deps.db.externalFlow.updateMany({ data: { expiresAt: new Date(Date.now() - 86_400_000 * 2) } });
    expect(await app.deps.db.externalFlow.count()).toBeGreaterThan(0);
    await begin(newAddress());
    await purgeExternalFlows(app.deps);
    expect(await app.deps.db.externalFlow.count()).toBe(1);
  });
});
