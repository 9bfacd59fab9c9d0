import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { externalCode, redeem } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider({ settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified' } });
  app = await startApp(corp.settings);
});
afterAll(async () => {
  await app?.stop();
  await corp?.server.goAway();
});

describe('At the same moment', () => {
  it('five sign-ups by one identity are one user, and all of them get in', async () => {
    for (let round = 0; round < 5; round += 1) {
      corp.person = newPerson({ email_verified: true });
      const proofs = await Promise.all(Array.from({ length: 5 }, () => externalCode(app, corp)));
      const answers = await Promise.all(proofs.map((proof) => redeem(app, proof)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
      expect(new Set(answers.map(({ body }) => body.user.id)).size).toBe(1);
      expect(await app.deps.db.identity.count({ where: { subject: corp.person.sub } })).toBe(1);
    }
  });

  it('two identities with one vouched-for address are one user with it, and one who is told to link', async () => {
    for (let round = 0; round < 5; round += 1) {
      const email = `shared-${round}@mail.example`;
      const proofs = [];
      for (const _ of [1, 2]) {
        corp.person = newPerson({ email, email_verified: true });
        proofs.push(await externalCode(app, corp));
      }
      const answers = await Promise.all(proofs.map((proof) => redeem(app, proof)));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect(answers.find(({ status }) => status === 409)?.body.code).toBe('link_required');
      expect(await app.deps.db.user.count({ where: { email } })).toBe(1);
    }
  });
});
