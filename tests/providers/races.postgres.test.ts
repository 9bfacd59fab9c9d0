import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword } from '../support/app.js';
import {
  ask,
  type Instance,
  type Operator,
  openOperator,
  signUp,
  startInstance,
  stopAll,
  type Tokens,
} from '../support/instance.js';
import { externalCode, redeem } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { createServerDatabase, type TestDatabase } from '../support/test-database.js';

const rounds = 200;
const atOnce = 10;

describe('Sign-ins by a provider, on two instances', () => {
  let database: TestDatabase;
  let corp: OpenIdProvider;
  let operator: Operator;
  let instances: Instance[] = [];
  beforeAll(async () => {
    corp = await startOpenIdProvider({ settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified' } });
    database = await createServerDatabase();
    const start = () => startInstance(database.url, corp.settings);
    instances = await Promise.all([start(), start()]);
    operator = await openOperator(database.url);
  }, 120_000);
  afterAll(async () => {
    for (const line of instances.flatMap(({ logs }) => logs)) expect(line).not.toMatch(/deadlock|"level":[56]0/);
    await stopAll(...instances);
    await operator?.close();
    await database?.drop();
    await corp?.server.goAway();
  });

  const at = (index: number) => {
    const instance = instances[index % 2];
    if (!instance) throw new Error('It has not started');
    return instance;
  };
  const app = (index: number) => ({ http: request(at(index).url) });

  /** A code of an identity, gone for at one instance and good at both. */
  async function codeFor(person: OpenIdProvider['person'], index: number) {
    corp.person = person;
    return await externalCode(app(index), corp);
  }

  async function play(round: (number: number) => Promise<void>): Promise<void> {
    for (let played = 0; played < rounds; played += 1) await round(played);
  }

  it('four sign-ups by one identity at once are one user', { timeout: 900_000 }, () =>
    play(async () => {
      const person = newPerson({ email_verified: true });
      const proofs = [];
      for (let n = 0; n < 4; n += 1) proofs.push(await codeFor(person, n));
      const answers = await Promise.all(proofs.map((proof, n) => redeem(app(n + 1), proof)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
      expect(new Set(answers.map(({ body }) => body.user.id)).size).toBe(1);
      expect(await operator.db.identity.count({ where: { subject: person.sub } })).toBe(1);
      expect(await operator.db.user.count({ where: { email: String(person.email) } })).toBe(1);
    }),
  );

  it('two identities with one vouched-for address at once are one user, and one who is told to link', {
    timeout: 900_000,
  }, async () => {
    for (let round = 0; round < rounds / 4; round += 1) {
      const email = `shared-${round}@mail.example`;
      const proofs = [];
      for (let n = 0; n < 2; n += 1) proofs.push(await codeFor(newPerson({ email, email_verified: true }), n));
      const answers = await Promise.all(proofs.map((proof, n) => redeem(app(n), proof)));
      const told = answers.map(({ status, body }) => `${status} ${body.code ?? ''}`).sort();
      expect(told).toEqual(['201 ', '409 link_required']);
      expect(await operator.db.user.count({ where: { email } })).toBe(1);
    }
  });

  it('one code, sent to both at once, starts one session, which ends: it may be stolen', {
    timeout: 900_000,
  }, async () => {
    const person = newPerson({ email_verified: true });
    const { body } = await redeem(app(0), await codeFor(person, 0));
    await play(async (number) => {
      const proof = await codeFor(person, number);
      const answers = await Promise.all([0, 1, 0, 1].map((n) => redeem(app(n), proof)));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([200, 400, 400, 400]);
    });
    const live = await operator.db.session.findMany({ where: { userId: body.user.id, endedAt: null } });
    expect(live.map(({ id }) => id)).toEqual([body.session_id]);
  });

  async function userWith(count: number) {
    const person = newPerson({ email_verified: true });
    const { body } = await redeem(app(0), await codeFor(person, 0));
    const others = [];
    for (let n = 1; n < count; n += 1) {
      others.push(newPerson());
      const proof = await codeFor(others.at(-1) ?? person, n);
      const linked = await ask(at(n), 'POST /me/identities', { bearer: body.access_token, body: proof });
      expect(linked.status, JSON.stringify(linked.body)).toBe(201);
    }
    const identities = await operator.db.identity.findMany({ where: { userId: body.user.id } });
    return { person, userId: body.user.id as string, bearer: body.access_token as string, identities };
  }

  it('of two identities that are unlinked at once, the last way in stays', { timeout: 900_000 }, async () => {
    for (let round = 0; round < rounds / atOnce; round += 1)
      for (const user of [await userWith(2), await userWith(2)]) {
        const unlink = (n: number) =>
          ask(at(n), `DELETE /me/identities/${user.identities[n]?.id}`, { bearer: user.bearer, body: {} });
        const answers = await Promise.all([unlink(0), unlink(1)]);
        // Unlinking that which began this session ends it: the other one may come too late for it.
        expect(answers.filter(({ status }) => status === 204).length).toBe(1);
        expect(await operator.db.identity.count({ where: { userId: user.userId } })).toBe(1);
      }
  });

  it('an identity that two users link at once is one user’s', { timeout: 900_000 }, async () => {
    const users: Tokens[] = [];
    for (const _ of [0, 1]) users.push(await signUp(at(0)));
    await play(async () => {
      const person = newPerson();
      const proofs = [await codeFor(person, 0), await codeFor(person, 1)];
      const link = (n: number) =>
        ask(at(n), 'POST /me/identities', {
          bearer: users[n]?.access ?? '',
          body: { ...proofs[n], password: goodPassword },
        });
      const answers = await Promise.all([link(0), link(1)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect(await operator.db.identity.count({ where: { subject: person.sub } })).toBe(1);
      await operator.db.identity.deleteMany({ where: { subject: person.sub } });
    });
  });

  it('no session of an identity lives on after it is unlinked at the same moment', { timeout: 900_000 }, async () => {
    for (let round = 0; round < rounds / 4; round += 1) {
      const user = await userWith(2);
      const own = user.identities.find(({ subject }) => subject === user.person.sub);
      const proof = await codeFor(user.person, round);
      const [signedIn, unlinked] = await Promise.all([
        redeem(app(0), proof),
        ask(at(1), `DELETE /me/identities/${own?.id}`, { bearer: user.bearer, body: {} }),
      ]);
      expect(unlinked.status).toBe(204);
      expect([200, 201, 400, 401, 409]).toContain(signedIn.status);
      const live = await operator.db.session.count({
        where: { userId: user.userId, identityId: own?.id ?? '', endedAt: null },
      });
      expect(live).toBe(0);
    }
  });
});
