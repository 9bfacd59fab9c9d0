import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resetSecondFactor } from '../../src/second-factor/reset.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { addTotp, codeOf } from '../support/second-factor.js';

const rounds = 50;
const password = goodPassword;

/** Each round has its own user; whatever wins, what is left must fit together. */
describe(`In ${rounds} rounds of two things at once,`, { timeout: 300_000 }, () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  type Bearer = SignedUp['bearer'];
  const enrol = (bearer: Bearer, body: object = { password }) => app.http.post('/me/totp').set(bearer).send(body);
  const confirm = (bearer: Bearer, id: string, code: string) =>
    app.http.post(`/me/totp/${id}/confirm`).set(bearer).send({ code });
  const methods = async (bearer: Bearer) => (await app.http.get('/me/sign-in-methods').set(bearer).expect(200)).body;

  async function everyRound(round: () => Promise<void>): Promise<void> {
    for (let done = 0; done < rounds; done++) await round();
  }

  it('two confirms of one authenticator app: one counts, and its recovery codes are those that work', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const { body } = await enrol(user.bearer).expect(201);
      const code = codeOf(body.secret);
      const answers = await Promise.all([confirm(user.bearer, body.id, code), confirm(user.bearer, body.id, code)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
      expect(await app.deps.db.recoveryCode.count({ where: { userId: user.userId } })).toBe(10);
      expect(await methods(user.bearer)).toMatchObject({ second_factor: 'any', totp: [{ id: body.id }] });
      const turnedOn = { userId: user.userId, action: 'second_factor.changed' };
      expect(await app.deps.db.auditEvent.count({ where: turnedOn })).toBe(1);
    }));

  it('two enrolments: one waits, and only that one can be confirmed', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const begun = (await Promise.all([enrol(user.bearer), enrol(user.bearer)])).map(({ body }) => body);
      const statuses = [];
      for (const { id, secret } of begun) statuses.push((await confirm(user.bearer, id, codeOf(secret))).status);
      expect(statuses.sort()).toEqual([200, 404]);
      expect(await app.deps.db.totp.count({ where: { userId: user.userId } })).toBe(1);
    }));

  it('the removal of the last app and the confirming of a new one: the second factor is on, with the new one', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const { id, bearer } = await addTotp(app, user);
      const { body } = await enrol(bearer, {}).expect(201);
      const answers = await Promise.all([
        app.http.delete(`/me/totp/${id}`).set(bearer),
        confirm(bearer, body.id, codeOf(body.secret)),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([204, 200]);
      const now = await methods(bearer);
      expect(now).toMatchObject({ second_factor: 'any', totp: [{ id: body.id }], recovery_codes: { left: 10 } });
    }));

  it('two removals of two apps: the second factor is off, and no session but this one is left', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const one = await addTotp(app, user);
      const { body } = await enrol(one.bearer, {}).expect(201);
      await confirm(one.bearer, body.id, codeOf(body.secret)).expect(200);
      const answers = await Promise.all(
        [one.id, body.id].map((id) => app.http.delete(`/me/totp/${id}`).set(one.bearer)),
      );
      expect(answers.map(({ status }) => status)).toEqual([204, 204]);
      expect(await methods(one.bearer)).toMatchObject({ second_factor: 'off', totp: [], recovery_codes: null });
    }));

  it('turning it on in one session and a login: no session without the second factor is left', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const { body } = await enrol(user.bearer).expect(201);
      const [confirmed, login] = await Promise.all([
        confirm(user.bearer, body.id, codeOf(body.secret)),
        app.http.post('/auth/login').send({ username: user.username, password }),
      ]);
      expect(confirmed.status).toBe(200);
      const live = await app.http.get('/auth/sessions').set(user.bearer).expect(200);
      expect(live.body.data.map(({ id }: { id: string }) => id)).toEqual([user.sessionId]);
      if (login.status !== 200) return;
      const bearer = { Authorization: `Bearer ${login.body.access_token}` };
      expect((await app.http.get('/welcome').set(bearer)).status).toBe(401);
    }));

  it('a new password in one session and an enrolment by the old one in another: nothing is left waiting for the other', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const { body } = await app.http.post('/auth/login').send({ username: user.username, password }).expect(200);
      const thief = { Authorization: `Bearer ${body.access_token}` };
      const [changed, begun] = await Promise.all([
        app.http
          .post('/me/password')
          .set(user.bearer)
          .send({ current_password: password, new_password: 'a moth between two relays' }),
        enrol(thief),
      ]);
      expect(changed.status).toBe(204);
      if (begun.status === 201)
        expect((await confirm(thief, begun.body.id, codeOf(begun.body.secret))).status).toBe(401);
      expect(await methods(user.bearer)).toMatchObject({ totp: [], second_factor: 'off' });
    }));

  it('a reset by the operator and the confirming of an app: no session of before is left', () =>
    everyRound(async () => {
      const user = await app.signUp();
      const { body } = await enrol(user.bearer).expect(201);
      const [confirmed] = await Promise.all([confirm(user.bearer, body.id, codeOf(body.secret)), resetOf(user.userId)]);
      expect([200, 401, 404]).toContain(confirmed.status);
      expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(401);
      const { secondFactor } = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
      const left = await app.deps.db.totp.count({ where: { userId: user.userId } });
      expect({ secondFactor, left }).toEqual({ secondFactor: 'off', left: 0 });
    }));

  async function resetOf(userId: string): Promise<void> {
    expect(await resetSecondFactor(app.deps, userId, {})).toBe(true);
  }
});
