import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { rotateKeys } from '../../src/keys/rotation.js';
import { purgeSpentChallenges } from '../../src/passkeys/purge.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createAuthenticator, flag, newKey } from '../support/authenticator.js';
import { confirm, settledMails } from '../support/mails.js';
import { addPasskey, answerOf, creationOptions, signInChallenge, signInWith } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp } from '../support/second-factor.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const claimsOf = (token: string) => jwt.decode(token) as jwt.JwtPayload;
const send = (passkey: unknown, more: object = {}) => app.http.post('/auth/login/passkey').send({ passkey, ...more });
const withPasskey = async (kind?: Parameters<typeof createAuthenticator>[0]) => {
  const user = await app.signUp();
  return { user, ...(await addPasskey(app, user, createAuthenticator(kind))) };
};
const eventsOf = (userId: string | null, action: string) =>
  app.deps.db.auditEvent.findMany({ where: { userId, action }, orderBy: { id: 'asc' } });
const spentChallenges = () => app.deps.db.spentChallenge.count();

describe('Options for a passkey', () => {
  it('are the same for all but the challenge, name no passkey, and cost no statement', async () => {
    await withPasskey();
    app.statements.length = 0;
    const first = await app.http.post('/auth/passkey/options').expect(200);
    const second = await app.http.post('/auth/passkey/options').expect(200);
    expect(app.statements).toEqual([]);
    const { challenge, ...rest } = first.body.options;
    expect(first.body).toEqual({ options: { challenge, ...rest }, expires_in: 600 });
    expect(rest).toEqual({ rpId: 'localhost', timeout: 600_000, userVerification: 'required' });
    expect(second.body.options).toEqual({ ...rest, challenge: expect.not.stringMatching(challenge) });
    expect(first.headers['cache-control']).toBe('no-store');
  });
});

describe('A sign-in by passkey', () => {
  it('starts a session that counts as phishing-resistant and as two factors', async () => {
    const { user, authenticator } = await withPasskey();
    const { status, body } = await signInWith(app, authenticator);
    expect(status).toBe(200);
    expect(body).toMatchObject({ acr: 'phr', amr: ['swk', 'user', 'mfa'], user: { id: user.userId } });
    expect(claimsOf(body.access_token)).toMatchObject({ sub: user.userId, acr: 'phr', amr: ['swk', 'user', 'mfa'] });
    await app.http.get('/welcome').set('Authorization', `Bearer ${body.access_token}`).expect(200);
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: body.refresh_token }).expect(200);
    expect(refreshed.body).toMatchObject({ acr: 'phr', auth_time: body.auth_time });
    expect(await eventsOf(user.userId, 'login.succeeded')).toMatchObject([
      { detail: { session_id: body.session_id, amr: ['swk', 'user', 'mfa'], acr: 'phr' } },
    ]);
  });

  it('says of a passkey that is bound to its device that it is', async () => {
    const { authenticator } = await withPasskey({ synced: false, counts: true });
    expect((await signInWith(app, authenticator)).body.amr).toEqual(['hwk', 'user', 'mfa']);
  });

  it.each(['ES256', 'EdDSA', 'RS256'] as const)('works with %s', async (algorithm) => {
    const { authenticator } = await withPasskey({ algorithm });
    expect((await signInWith(app, authenticator)).status).toBe(200);
  });

  it('needs at most three statements, also where it is refused', async () => {
    const { authenticator } = await withPasskey();
    const counted = async (passkey: unknown) => {
      app.statements.length = 0;
      const { status } = await send(passkey);
      // An unknown key is looked up, at most once a second.
      return [status, app.statements.filter((sql) => !/FROM "?(public"\."?)?signing_key/.test(sql)).length];
    };
    expect(await counted(await answerOf(app, authenticator))).toEqual([200, 2]);
    expect(await counted(await answerOf(app, createAuthenticator()))).toEqual([401, 2]);
    expect(await counted(authenticator.get({ challenge: randomBytes(61).toString('base64url') }))).toEqual([400, 0]);
  });

  it('is mailed from a new device, and not from a known one', async () => {
    const email = 'ada.passkey@example.com';
    const user = await app.signUp({ email });
    await confirm(app, email);
    const { authenticator } = await addPasskey(app, user);
    const newDevices = async () =>
      (await settledMails(app)).filter(({ to, subject }) => to === `<${email}>` && /new device/.test(subject)).length;
    const { body } = await send(await answerOf(app, authenticator)).expect(200);
    expect(await newDevices()).toBe(1);
    const again = await send(await answerOf(app, authenticator), { device_token: body.device_token }).expect(200);
    expect(again.body.device_token).toBe(body.device_token);
    expect(await newDevices()).toBe(1);
  });

  it('gives its tokens as cookies if asked for, and not to another site', async () => {
    const { authenticator } = await withPasskey();
    const { headers, body } = await send(await answerOf(app, authenticator), { transport: 'cookie' })
      .set('Origin', app.config.appUrl)
      .expect(200);
    expect(String(headers['set-cookie'])).toMatch(/access_token=.*refresh_token=.*device=/);
    expect(body).not.toHaveProperty('access_token');
    const crossSite = send(await answerOf(app, authenticator), { transport: 'cookie' });
    expectProblem(await crossSite.set('Origin', 'https://evil.example'), 'csrf_rejected');
  });

  it('is enough where the second factor is on, whichever', async () => {
    const { user, authenticator } = await withPasskey();
    await addPasskey(app, user);
    const change = (second_factor: string, token: string) =>
      app.http.patch('/me/sign-in-methods').set('Authorization', `Bearer ${token}`).send({ second_factor });
    for (const mode of ['any', 'passkey']) {
      const { body } = await signInWith(app, authenticator);
      await change(mode, body.access_token).expect(200);
      expect((await signInWith(app, authenticator)).body).toMatchObject({ acr: 'phr' });
    }
  });

  it('needs no password in what follows, as long as it is fresh', async () => {
    const { authenticator } = await withPasskey();
    const { body } = await signInWith(app, authenticator);
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    await app.http.post('/me/passkeys/options').set(bearer).send({}).expect(200);
    await app.http.post('/me/totp').set(bearer).send({}).expect(201);
  });

  it('notes when the passkey was last used', async () => {
    const { user, authenticator } = await withPasskey();
    const used = async () =>
      (await app.http.get('/me/sign-in-methods').set(user.bearer).expect(200)).body.passkeys[0].last_used_at;
    expect(await used()).toBeNull();
    await signInWith(app, authenticator);
    expect(Date.now() - Date.parse(await used())).toBeLessThan(10_000);
  });
});

describe('A challenge', () => {
  it('is good once, and the second use is not told from an old one', async () => {
    const { user, authenticator } = await withPasskey({ synced: false, counts: true });
    const answer = await answerOf(app, authenticator);
    await send(answer).expect(200);
    for (let time = 0; time < 3; time++) expectProblem(await send(answer), 'challenge_expired');
    expect(await eventsOf(user.userId, 'passkey.suspect')).toEqual([]);
    expect(await app.deps.db.session.count({ where: { userId: user.userId } })).toBe(2);
  });

  it('is good once among twenty uses at the same moment', async () => {
    const { user, authenticator } = await withPasskey({ synced: false, counts: true });
    for (let round = 0; round < 5; round++) {
      const answer = await answerOf(app, authenticator);
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(answer)));
      const refusals = answers.filter(({ status }) => status !== 200);
      expect(refusals).toHaveLength(19);
      for (const refusal of refusals) expectProblem(refusal, 'challenge_expired');
    }
    expect(await eventsOf(user.userId, 'passkey.suspect')).toEqual([]);
  });

  it('serves one user, also if two answer it', async () => {
    const [one, other] = [await withPasskey(), await withPasskey()];
    const challenge = await signInChallenge(app);
    await send(one.authenticator.get({ challenge })).expect(200);
    expectProblem(await send(other.authenticator.get({ challenge })), 'challenge_expired');
  });

  it.each<[string, (good: string, user: SignedUp) => string | Promise<string>]>([
    ['made up', () => randomBytes(61).toString('base64url')],
    ['too short', (good) => good.slice(0, -4)],
    ['too long', (good) => `${good}AAAA`],
    ['written in another way', (good) => `${good}=`],
    ['empty', () => ''],
    ['of one changed bit in its time', (good) => flipped(good, 10)],
    ['of one changed bit in its random bytes', (good) => flipped(good, 20)],
    ['of one changed bit in its MAC', (good) => flipped(good, 60)],
    ['of one changed bit in its key', (good) => flipped(good, 0)],
    ['of an enrolment', async (_, user) => (await creationOptions(app, user)).challenge],
  ])('is refused if it is %s, before a query is asked', async (_, change) => {
    const { user, authenticator } = await withPasskey();
    const answer = await answerOf(app, authenticator, { challenge: await change(await signInChallenge(app), user) });
    const before = await spentChallenges();
    app.statements.length = 0;
    expectProblem(await send(answer), 'challenge_expired');
    expect(app.statements.filter((sql) => !/FROM "public"."signing_key"/.test(sql))).toEqual([]);
    expect(await spentChallenges()).toBe(before);
  });

  it('is refused after ten minutes', async () => {
    const { authenticator } = await withPasskey();
    const { now } = Date;
    const [late, old] = [await answerOf(app, authenticator), await answerOf(app, authenticator)];
    try {
      Date.now = () => now() + 598_000;
      await send(late).expect(200);
      Date.now = () => now() + 601_000;
      expectProblem(await send(old), 'challenge_expired');
    } finally {
      Date.now = now;
    }
  });

  it('stays good while its key is replaced', async () => {
    const own = await startAppForTest({ JWT_ALGORITHM: 'HS256' });
    const { authenticator } = await addPasskey(own, await own.signUp());
    const answer = await answerOf(own, authenticator);
    expect(await rotateKeys(own.deps, {})).toBe(true);
    await own.http.post('/auth/login/passkey').send({ passkey: answer }).expect(200);
    expect((await signInWith(own, authenticator)).status).toBe(200);
  });

  it('is not used up by a refused answer, and a stranger cannot use up that of another', async () => {
    const { authenticator } = await withPasskey();
    const challenge = await signInChallenge(app);
    expectProblem(await send(authenticator.get({ challenge }, { key: newKey('ES256') })), 'invalid_credentials');
    expectProblem(await send(createAuthenticator().get({ challenge })), 'invalid_credentials');
    await send(authenticator.get({ challenge })).expect(200);
  });

  it('that was used is forgotten an hour after it is refused as too old', async () => {
    const hashes = [59, 61].map((minutes) => ({ minutes, hash: randomBytes(32) }));
    for (const { minutes, hash } of hashes)
      await app.deps.db.spentChallenge.create({ data: { hash, expiresAt: new Date(Date.now() - minutes * 60_000) } });
    await purgeSpentChallenges(app.deps);
    const left = await app.deps.db.spentChallenge.findMany({ where: { hash: { in: hashes.map(({ hash }) => hash) } } });
    expect(left.map(({ hash }) => Buffer.from(hash))).toEqual([hashes[0]?.hash]);
  });
});

function flipped(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes.toString('base64url');
}

describe('A wrong answer', () => {
  const flags = flag.up | flag.uv | flag.be | flag.bs;
  const wrong: Record<string, NonNullable<Parameters<typeof answerOf>[2]>> = {
    'of another key': { key: newKey('ES256') },
    'of another origin': { origin: 'https://evil.example' },
    'of another RP ID': { rpId: 'evil.example' },
    'without user verification': { flags: flags & ~flag.uv },
    'without a user': { flags: flags & ~flag.up },
    'from a frame of another site': { crossOrigin: true },
    'with the handle of another user': { userHandle: randomBytes(16).toString('base64url') },
    'without a user handle': { userHandle: undefined },
    'for an enrolment': { type: 'webauthn.create' },
    'of an unknown passkey': { credentialId: 'AAAA', id: 'AAAA', rawId: 'AAAA' },
  };

  it('has one answer, whatever is wrong', async () => {
    const { authenticator } = await withPasskey();
    const told = await Promise.all(
      Object.entries(wrong).map(async ([, says]) => {
        const answer = await signInWith(app, authenticator, says);
        expectProblem(answer, 'invalid_credentials');
        const { request_id: _, ...problem } = answer.body;
        return JSON.stringify([problem, answer.headers['www-authenticate']]);
      }),
    );
    expect(new Set(told).size).toBe(1);
    expect((await signInWith(app, authenticator)).status).toBe(200);
  });

  it('is recorded, of the user where the passkey is known', async () => {
    const { user, authenticator } = await withPasskey();
    await signInWith(app, authenticator, { key: newKey('ES256') });
    await signInWith(app, authenticator, { origin: 'https://evil.example' });
    expect(await eventsOf(user.userId, 'login.failed')).toMatchObject([{ detail: { reason: 'passkey', count: 2 } }]);
  });

  it('does not open the user of another passkey that is signed with one’s own', async () => {
    const [ada, eve] = [await withPasskey(), await withPasskey()];
    const { credentialId, userHandle } = ada.authenticator;
    const asAda = { credentialId, id: credentialId, rawId: credentialId };
    expect((await signInWith(app, eve.authenticator, asAda)).status).toBe(401);
    expect((await signInWith(app, eve.authenticator, { ...asAda, userHandle })).status).toBe(401);
    expect((await signInWith(app, eve.authenticator, { userHandle })).status).toBe(401);
  });

  it('is counted by address: then all are refused for a while, and a right one is not, before it is seen', async () => {
    const own = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_PASSKEY: '3/1m' });
    const { authenticator } = await addPasskey(own, await own.signUp());
    for (let time = 0; time < 3; time++)
      expect((await signInWith(own, authenticator, { origin: 'https://evil.example' })).status).toBe(401);
    expect((await signInWith(own, authenticator, { origin: 'https://evil.example' })).status).toBe(429);
    expect((await signInWith(own, authenticator)).status).toBe(200);
    const old = authenticator.get({ challenge: randomBytes(61).toString('base64url') });
    expect((await own.http.post('/auth/login/passkey').send({ passkey: old })).status).toBe(429);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'passkey'],
    ['a list', []],
    ['an id that is no base64url', { id: 'ä' }],
    ['no response', { id: 'AAAA', rawId: 'AAAA', type: 'public-key' }],
  ])('that is %s is 422', async (_, passkey) => {
    expectProblem(await send(passkey), 'validation_failed');
  });

  it('is refused without a fault if its parts are rubbish', async () => {
    const { authenticator } = await withPasskey();
    const good = await answerOf(app, authenticator);
    const rubbish = ['AA', Buffer.from('null').toString('base64url'), Buffer.from('[]').toString('base64url')];
    for (const part of rubbish) {
      const client = send({ ...good, response: { ...good.response, clientDataJSON: part } });
      expectProblem(await client, 'challenge_expired');
      for (const name of ['authenticatorData', 'signature', 'userHandle'])
        expectProblem(await send({ ...good, response: { ...good.response, [name]: part } }), 'invalid_credentials');
    }
  });

  it('may have members that we do not know, as browsers send them', async () => {
    const { authenticator } = await withPasskey();
    const good = await answerOf(app, authenticator);
    const more = { authenticatorAttachment: 'platform', clientExtensionResults: { appid: true } };
    await send({ ...good, ...more, response: { ...good.response, publicKey: 'x' } }).expect(200);
  });
});

describe('The counter', () => {
  it('of a passkey that is bound to its device must go up; else it is recorded and mailed, once for each challenge', async () => {
    const email = 'copied@example.com';
    const user = await app.signUp({ email });
    await confirm(app, email);
    const { id, authenticator } = await addPasskey(app, user, createAuthenticator({ synced: false, counts: true }));
    expect((await signInWith(app, authenticator, { counter: 5 })).status).toBe(200);
    const copied = await answerOf(app, authenticator, { counter: 5 });
    expectProblem(await send(copied), 'invalid_credentials');
    expectProblem(await send(copied), 'challenge_expired');
    expect(await eventsOf(user.userId, 'passkey.suspect')).toMatchObject([{ detail: { id } }]);
    expect((await signInWith(app, authenticator, { counter: 4 })).status).toBe(401);
    expect((await signInWith(app, authenticator, { counter: 0 })).status).toBe(401);
    expect((await signInWith(app, authenticator, { counter: 6 })).status).toBe(200);
    const subjects = (await settledMails(app)).filter(({ to }) => to === `<${email}>`).map(({ subject }) => subject);
    expect(subjects.filter((subject) => /copied/.test(subject))).toHaveLength(1);
    expect(await eventsOf(user.userId, 'passkey.suspect')).toHaveLength(3);
  });

  it('of such a passkey may stay 0', async () => {
    const { authenticator } = await withPasskey({ synced: false });
    for (let time = 0; time < 3; time++) expect((await signInWith(app, authenticator)).status).toBe(200);
  });

  it('of a synced passkey says nothing', async () => {
    const { user, authenticator } = await withPasskey();
    for (const counter of [7, 7, 3, 0, 9]) expect((await signInWith(app, authenticator, { counter })).status).toBe(200);
    expect(await eventsOf(user.userId, 'passkey.suspect')).toEqual([]);
  });

  it('lets one of two pass that are used at the same moment with the same count', async () => {
    const { authenticator } = await withPasskey({ synced: false, counts: true });
    for (let counter = 1; counter <= 5; counter++) {
      const answers = await Promise.all([0, 1].map(() => signInWith(app, authenticator, { counter })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
    }
  });
});

describe('A passkey opens nothing', () => {
  it('of a disabled user, and says so', async () => {
    const { user, authenticator } = await withPasskey();
    await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
    expectProblem(await signInWith(app, authenticator), 'account_disabled');
    expectProblem(await signInWith(app, authenticator, { key: newKey('ES256') }), 'invalid_credentials');
  });

  it('of a deleted user', async () => {
    const { user, authenticator } = await withPasskey();
    await app.http.delete('/me').set(user.bearer).send({ password: user.password }).expect(204);
    expectProblem(await signInWith(app, authenticator), 'invalid_credentials');
  });

  it('once it is removed', async () => {
    const { user, id, authenticator } = await withPasskey();
    const { bearer, password } = user;
    await app.http.delete(`/me/passkeys/${id}`).set(bearer).send({ password }).expect(204);
    expectProblem(await signInWith(app, authenticator), 'invalid_credentials');
  });

  it('once an administrator has removed the second factors', async () => {
    const { user, authenticator } = await withPasskey();
    const { resetSecondFactor } = await import('../../src/second-factor/reset.js');
    await resetSecondFactor(app.deps, user.userId, {});
    expectProblem(await signInWith(app, authenticator), 'invalid_credentials');
  });

  it('of another RP ID, as after a change of PASSKEY_RP_ID', async () => {
    const { id, authenticator } = await withPasskey();
    await app.deps.db.passkey.update({ where: { id }, data: { rpId: 'old.example' } });
    expectProblem(await signInWith(app, authenticator), 'invalid_credentials');
    expectProblem(await signInWith(app, authenticator, { rpId: 'old.example' }), 'invalid_credentials');
  });

  it('and stays what it is after a new password', async () => {
    const { user, authenticator } = await withPasskey();
    const body = { current_password: user.password, new_password: 'a wholly different battery staple' };
    await app.http.post('/me/password').set(user.bearer).send(body).expect(204);
    expect((await signInWith(app, authenticator)).status).toBe(200);
  });

  it('where an authenticator app has been added between question and answer, it goes on', async () => {
    const { user, authenticator } = await withPasskey();
    const answer = await answerOf(app, authenticator);
    await addTotp(app, user);
    expect((await send(answer)).body).toMatchObject({ acr: 'phr' });
  });
});

describe('An imported passkey', () => {
  it('tells with its first answer whether it is synced, and stays so', async () => {
    const { id, authenticator } = await withPasskey({ synced: false, counts: true });
    await app.deps.db.passkey.update({ where: { id }, data: { synced: true, aaguid: null } });
    expect((await signInWith(app, authenticator)).body.amr).toContain('hwk');
    const { synced } = await app.deps.db.passkey.findUniqueOrThrow({ where: { id } });
    expect(synced).toBe(false);
    const asSynced = { flags: flag.up | flag.uv | flag.be };
    expect((await signInWith(app, authenticator, asSynced)).status).toBe(401);
  });
});
