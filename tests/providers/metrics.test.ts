import { expect, it } from 'vitest';
import { startAppForTest } from '../support/app.js';
import { goAstray, goRound } from '../support/pretended-providers/go-round.js';
import { newPerson, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { samplesIn } from '../support/prometheus-text.js';

it('Sign-ins by providers are counted by provider and outcome, whichever it is, and by no name of a client’s', async () => {
  const corp = await startOpenIdProvider({ settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified' } });
  const app = await startAppForTest(corp.settings);
  const begin = (provider: string) =>
    app.http
      .post('/auth/external')
      .send({ provider, redirect_uri: 'http://localhost:3000/callback', code_challenge: 'c'.repeat(43) });

  await corp.server.goAway();
  await begin('corp').expect(503);
  await begin('secret-name').expect(422);
  await corp.server.comeBack();
  corp.person = newPerson({ email: 'ada@corp.example', email_verified: true });
  expect((await goRound(app, corp)).status).toBe(201);
  expect((await goRound(app, corp)).status).toBe(200);
  corp.person = newPerson({ email: 'ada@corp.example', email_verified: true });
  expect((await goRound(app, corp)).status).toBe(409);
  const { username } = await app.signUp();
  corp.person = newPerson();
  expect((await goRound(app, corp, { token: { username } })).status).toBe(409);
  corp.wrong = { signature: 'of a stranger' };
  await goAstray(app, corp);
  corp.wrong = { answer: { code: undefined, error: 'access_denied' } };
  await goAstray(app, corp);

  const { text } = await app.http.get('/metrics').expect(200);
  const samples = samplesIn(text).filter(({ name }) => name === 'gatelatch_provider_sign_ins_total');
  expect(new Set(samples.map(({ labels }) => labels.provider))).toEqual(new Set(['corp']));
  expect(Object.fromEntries(samples.map(({ labels, value }) => [labels.outcome, value]))).toEqual({
    provider_unavailable: 1,
    signed_up: 1,
    signed_in: 1,
    link_required: 1,
    refused: 1,
    external_login_failed: 1,
    access_denied: 1,
  });
});
