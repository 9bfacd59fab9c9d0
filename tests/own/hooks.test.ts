import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.js';
import type { Hooks, Verdict } from '../../src/hooks/hooks.js';
import { invite } from '../../src/invitations/invite.js';
import { getToken, serviceClient } from '../oauth/clients.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { eventually, mailsOf, mailTo, outboxEmpty, settledMails } from '../support/mails.js';
import { addPasskey, signInWith } from '../support/passkeys.js';
import { goRound } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf } from '../support/second-factor.js';

/** What each hook of this test was asked, and what it does next. */
const asked: Record<keyof Hooks, unknown[]> = {
  beforeSignUp: [],
  beforePasswordCheck: [],
  beforeLogIn: [],
  beforeForgotPassword: [],
  beforeMail: [],
};
type Deed = NonNullable<Hooks['beforeLogIn']>;
let next: Partial<Record<keyof Hooks, Deed>> = {};
const noting =
  (name: keyof Hooks) =>
  (...given: Parameters<Deed>): Promise<Verdict> => {
    asked[name].push(given[0]);
    return next[name] ? next[name](...given) : Promise.resolve('allow');
  };
const hooks = Object.fromEntries(Object.keys(asked).map((name) => [name, noting(name as keyof Hooks)])) as Hooks;
const refuse = (why: string) => async () => ({ refuse: why });

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider();
  app = await startApp(corp.settings, { own: { hooks } });
});
afterAll(async () => {
  await app.stop();
  await corp.server.goAway();
});
beforeEach(() => {
  for (const all of Object.values(asked)) all.length = 0;
});
afterEach(() => {
  next = {};
});

const origin = 'http://localhost:3000';
const freshName = () => `hooked-${randomBytes(5).toString('hex')}`;
const captcha = () => `captcha.${randomBytes(20).toString('hex')}`;
const post = (path: string, body: object) => app.http.post(path).set('Origin', origin).send(body);
const signUp = (fields: object = {}) =>
  post('/auth/signup', { username: freshName(), password: goodPassword, ...fields });
const logIn = ({ username }: Pick<SignedUp, 'username'>, more: object = {}) =>
  post('/auth/login', { username, password: goodPassword, ...more });
const bigints = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
const sessions = (userId: string) => app.deps.db.session.count({ where: { userId } });
const caller = { address: '127.0.0.1', userAgent: undefined };

describe('beforeSignUp', () => {
  it('is asked with what was sent, and with no password', async () => {
    const sent = { username: freshName(), email: `${freshName()}@example.com`, captcha_token: captcha() };
    await signUp({ ...sent }).expect(201);
    const { username, email, captcha_token: captchaToken } = sent;
    const told = { username, email, by: 'password', provider: undefined, captchaToken };
    expect(asked.beforeSignUp).toEqual([{ ...told, caller: expect.objectContaining(caller) }]);
    expect(JSON.stringify(asked)).not.toContain(goodPassword);
  });

  it.each(['bearer', 'cookie'])('refuses with 403 and its words, and there is no user (%s)', async (transport) => {
    next.beforeSignUp = refuse('Only people of Example may sign up.');
    const username = freshName();
    const answer = await signUp({ username, transport });
    expectProblem(answer, 'signup_refused');
    expect(answer.body.detail).toBe('Only people of Example may sign up.');
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await app.deps.db.user.count({ where: { username } })).toBe(0);
  });

  it('does not tell by a refusal which names and addresses are taken', async () => {
    const email = `${freshName()}@example.com`;
    const user = await app.signUp({ email });
    next.beforeSignUp = refuse('No.');
    const answers = [await signUp(), await signUp({ username: user.username }), await signUp({ email })];
    const told = answers.map(({ status, body: { request_id: _, ...body } }) => ({ status, body }));
    expect(new Set(told.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  it('is asked before an invitation is accepted, and before a provider’s person becomes a user', async () => {
    next.beforeSignUp = refuse('No.');
    const email = `${freshName()}@example.com`;
    await invite(app.deps, { email, roles: [] }, {}, 'all');
    const { token } = await mailTo(app, email);
    expectProblem(await signUp({ invitation: token }), 'signup_refused');
    corp.person = newPerson();
    expectProblem(await goRound(app, corp), 'signup_refused');
    expect(asked.beforeSignUp).toMatchObject([
      { by: 'invitation', email },
      { by: 'provider', provider: 'corp' },
    ]);
    next = {};
    await signUp({ invitation: token }).expect(201);
    expect((await goRound(app, corp)).status).toBe(201);
    expect(asked.beforeLogIn).toEqual([]);
  });
});

it.each(['THROWAWAY.example', 'ｔhrowaway.example', 'throwaway。example'])(
  'No spelling of a domain hides it from hooks: %s',
  async (domain) => {
    const email = `Ida-${randomBytes(5).toString('hex')}@${domain}`;
    const { body } = await signUp({ email }).expect(201);
    await logIn(body.user).expect(200);
    await post('/auth/password/forgot', { email }).expect(202);
    await settledMails(app);
    const plain = `${email.slice(0, 14)}@throwaway.example`;
    expect(asked).toMatchObject({
      beforeSignUp: [{ email: plain }],
      beforeLogIn: [{ user: { email: plain } }],
      beforeForgotPassword: [{ email: plain }],
    });
    expect(asked.beforeMail).toContainEqual({ purpose: 'verify', to: plain, userId: body.user.id });
  },
);

describe('beforePasswordCheck', () => {
  it('refuses before the user is looked up: the same for a right, a wrong and an unknown one', async () => {
    const user = await app.signUp();
    await settledMails(app);
    next.beforePasswordCheck = refuse('Solve the captcha.');
    // A mail that is being written takes statements too.
    await outboxEmpty(app);
    app.statements.length = 0;
    const token = captcha();
    const answers = [
      await logIn(user, { captcha_token: token }),
      await logIn(user, { password: 'a wrong one, long enough' }),
      await logIn({ username: freshName() }),
    ];
    for (const answer of answers) {
      expectProblem(answer, 'login_refused');
      expect(answer.body.detail).toBe('Solve the captcha.');
    }
    expect(app.statements).toEqual([]);
    expect(asked.beforePasswordCheck[0]).toMatchObject({ login: user.username, captchaToken: token });
    expect(asked.beforeLogIn).toEqual([]);
  });
});

describe('beforeLogIn', () => {
  it('is asked after the right password alone, and gets the user without password, hash or token', async () => {
    const user = await app.signUp({ email: `${freshName()}@example.com` });
    expectProblem(await logIn(user, { password: 'a wrong one, long enough' }), 'invalid_credentials');
    expectProblem(await logIn({ username: freshName() }), 'invalid_credentials');
    expect(asked.beforeLogIn).toEqual([]);
    const token = captcha();
    await logIn(user, { captcha_token: token }).expect(200);
    expect(asked.beforeLogIn).toEqual([
      {
        user: {
          id: user.userId,
          kind: 'person',
          username: user.username,
          email: expect.stringContaining('@example.com'),
          emailVerified: false,
          roles: [],
          createdAt: expect.any(Date),
        },
        by: 'password',
        provider: undefined,
        captchaToken: token,
        caller: expect.objectContaining(caller),
      },
    ]);
  });

  it.each(['bearer', 'cookie'])(
    'refuses with 403: there is no session, and the audit has it (%s)',
    async (transport) => {
      const user = await app.signUp();
      next.beforeLogIn = refuse('Not from there.');
      const answer = await logIn(user, { transport });
      expectProblem(answer, 'login_refused');
      expect(answer.body.detail).toBe('Not from there.');
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(await sessions(user.userId)).toBe(1);
      const events = await app.deps.db.auditEvent.findMany({ where: { userId: user.userId, action: 'login.failed' } });
      expect(events).toMatchObject([{ detail: { reason: 'refused' } }]);
    },
  );

  it('is asked for a passkey and a provider, too', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    corp.person = newPerson();
    const { body } = await goRound(app, corp);
    next.beforeLogIn = refuse('No.');
    expectProblem(await signInWith(app, authenticator), 'login_refused');
    expectProblem(await goRound(app, corp), 'login_refused');
    expect(asked.beforeLogIn).toMatchObject([
      { by: 'passkey', user: { id: user.userId, username: user.username } },
      { by: 'provider', provider: 'corp', user: { id: body.user.id } },
    ]);
    expect([await sessions(user.userId), await sessions(body.user.id)]).toEqual([1, 1]);
    next = {};
    expect([(await signInWith(app, authenticator)).status, (await goRound(app, corp)).status]).toEqual([200, 200]);
  });

  it('is asked again where the user changed since, also for a passkey', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    next.beforeLogIn = async () => {
      await app.deps.db.user.update({ where: { id: user.userId }, data: { epoch: { increment: 1 } } });
      next.beforeLogIn = refuse('No more.');
      return 'allow';
    };
    expectProblem(await signInWith(app, authenticator), 'login_refused');
    expect(asked.beforeLogIn).toHaveLength(2);
    expect(await sessions(user.userId)).toBe(1);
  });

  it('is asked before a second factor is, and not again after it', async () => {
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    asked.beforeLogIn.length = 0;
    next.beforeLogIn = refuse('No.');
    expectProblem(await logIn(user), 'login_refused');
    expectProblem(await logIn(user, { code: codeOf(secret) }), 'login_refused');
    expect(await app.deps.db.loginAttempt.count({ where: { userId: user.userId } })).toBe(0);
    next = {};
    const { body } = await logIn(user).expect(403);
    expect(body.code).toBe('second_factor_required');
    await post('/auth/login/second-factor', { login_token: body.login_token, code: codeOf(secret) }).expect(200);
    expect(asked.beforeLogIn).toHaveLength(3);
  });

  it('is not asked for what is no sign-in: a refresh, a step-up, a token for an API key', async () => {
    const user = await app.signUp();
    next.beforeLogIn = refuse('No.');
    await app.http.post('/auth/reauthenticate').set(user.bearer).send({ password: goodPassword }).expect(200);
    await post('/auth/refresh', { refresh_token: user.refreshToken }).expect(200);
    await getToken(app, await serviceClient(app, ['user'], ['todos:read'])).expect(200);
    expect(asked.beforeLogIn).toEqual([]);
  });
});

describe('beforeForgotPassword', () => {
  it('refuses before anything is looked up, the same whether or not a user has the address', async () => {
    const email = `${freshName()}@example.com`;
    await app.signUp({ email });
    await settledMails(app);
    next.beforeForgotPassword = refuse('Solve the captcha.');
    app.statements.length = 0;
    const token = captcha();
    for (const typed of [email, `${freshName()}@example.com`])
      expectProblem(await post('/auth/password/forgot', { email: typed, captcha_token: token }), 'forgot_refused');
    expect(app.statements).toEqual([]);
    expect(asked.beforeForgotPassword[0]).toMatchObject({ email, captchaToken: token });
    next = {};
    await post('/auth/password/forgot', { email, captcha_token: token }).expect(202);
    await mailTo(app, email, /new password/);
  });
});

describe('beforeMail', () => {
  it('withholds a mail, of which nobody hears, and no token is made for it', async () => {
    const email = `${freshName()}@blocked.example`;
    next.beforeMail = refuse('A domain that bounces.');
    const { userId } = await app.signUp({ email });
    await settledMails(app);
    expect(mailsOf(app).filter(({ to }) => to.includes(email))).toEqual([]);
    expect(asked.beforeMail).toEqual([{ purpose: 'verify', to: email, userId }]);
    expect(await app.deps.db.oneTimeToken.count({ where: { userId } })).toBe(0);
    await app.http.post('/auth/email/resend').send({ email }).expect(202);
    next = {};
    await settledMails(app);
    expect(app.logs).toContainEqual(expect.objectContaining({ purpose: 'verify', why: 'A domain that bounces.' }));
  });

  it('that fails keeps the mail back, which is sent once it works', async () => {
    const email = `${freshName()}@example.com`;
    next.beforeMail = () => {
      throw new Error('The list of domains cannot be read');
    };
    await app.signUp({ email });
    await eventually(() => asked.beforeMail.length > 0);
    expect(mailsOf(app).filter(({ to }) => to.includes(email))).toEqual([]);
    next = {};
    await mailTo(app, email, /Confirm/);
  });
});

describe('A hook fails closed, with 500 and an error for the operator:', () => {
  const never = () => new Promise<Verdict>(() => undefined);
  it.each<[string, Deed, RegExp]>([
    ['one that throws', () => Promise.reject(new Error('It broke')), /beforeLogIn failed.*It broke/s],
    ['one that throws an error of ours', () => Promise.reject(new AppError('not_found')), /beforeLogIn failed/],
    [
      'one that throws at once',
      () => {
        throw new Error('At once');
      },
      /beforeLogIn failed.*At once/s,
    ],
    ['one that takes longer than two seconds', never, /beforeLogIn failed.*took longer than 2 s/s],
    ['one that gives nothing', (() => undefined) as never, /beforeLogIn gave no verdict/],
    ['one that gives true', (() => true) as never, /beforeLogIn gave no verdict/],
  ])('%s', async (_, deed, line) => {
    const user = await app.signUp();
    next.beforeLogIn = deed;
    app.logs.length = 0;
    const answer = await logIn(user);
    expectProblem(answer, 'internal_error');
    expect(JSON.stringify(answer.body)).not.toMatch(/broke|hook/);
    expect(await sessions(user.userId)).toBe(1);
    const [failed] = app.logs.filter(({ msg }) => msg === 'request failed');
    expect(JSON.stringify(failed)).toMatch(line);
    next = {};
    await logIn(user).expect(200);
  });

  it('a sign-up makes no user then', async () => {
    next.beforeSignUp = () => Promise.reject(new Error('It broke'));
    const username = freshName();
    expectProblem(await signUp({ username }), 'internal_error');
    expect(await app.deps.db.user.count({ where: { username } })).toBe(0);
  });
});

describe('A hook', () => {
  it('hears that its two seconds are over', async () => {
    const user = await app.signUp();
    let heard = false;
    next.beforeLogIn = async (_, { signal }) => {
      await wait(10_000, undefined, { signal }).catch(() => (heard = true));
      return 'allow';
    };
    expectProblem(await logIn(user), 'internal_error');
    await eventually(() => heard);
  });

  it('runs in no transaction: it may ask the database, and writes even if it refuses', async () => {
    const user = await app.signUp();
    next.beforeLogIn = async ({ user: { id } }, { db }) => {
      await db.todo.create({ data: { id, userId: id, title: 'Ask why' } });
      return { refuse: 'No.' };
    };
    expectProblem(await logIn(user), 'login_refused');
    expect(await app.deps.db.todo.count({ where: { userId: user.userId } })).toBe(1);
  });

  it('that is held holds neither a connection to the database nor a place where passwords are checked', async () => {
    const [user, other] = [await app.signUp(), await app.signUp()];
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    next.beforeSignUp = async () => {
      await opened;
      return 'allow';
    };
    asked.beforeSignUp.length = 0;
    const waiting = Array.from({ length: 100 }, () => signUp().then(({ status }) => status));
    await eventually(() => asked.beforeSignUp.length === 100, 1_500);
    expect(await app.deps.db.user.count({ where: { id: user.userId } })).toBe(1);
    await logIn(other).expect(200);
    open();
    // A crowd that comes at once may be too large for the passwords, but none of it is lost.
    expect((await Promise.all(waiting)).filter((status) => status !== 201 && status !== 503)).toEqual([]);
  });

  it('may change what it was asked: nobody else sees that', async () => {
    const user = await app.signUp();
    next.beforeLogIn = async (told) => {
      told.caller.address = '203.0.113.66';
      (told.user.roles as string[]).push('admin');
      return 'allow';
    };
    const { body } = await logIn(user).expect(200);
    expect(jwt.decode(body.access_token)).toMatchObject({ roles: [] });
    const [last] = await app.deps.db.auditEvent.findMany({
      where: { userId: user.userId, action: 'login.succeeded' },
    });
    expect(JSON.stringify(last)).not.toContain('203.0.113.66');
  });

  it('is alone to hear a captcha token: no log and no audit has it', async () => {
    const user = await app.signUp({ email: `${freshName()}@example.com` });
    const token = captcha();
    await logIn(user, { captcha_token: token }).expect(200);
    await logIn(user, { captcha_token: token, password: 'a wrong one, long enough' }).expect(401);
    next.beforeLogIn = refuse('No.');
    await logIn(user, { captcha_token: token }).expect(403);
    next.beforeLogIn = () => Promise.reject(new Error('It broke'));
    await logIn(user, { captcha_token: token }).expect(500);
    await signUp({ captcha_token: token }).expect(201);
    await post('/auth/password/forgot', { email: 'nobody@example.com', captcha_token: token }).expect(202);
    expect(JSON.stringify(app.logs)).not.toContain(token);
    expect(JSON.stringify(await app.deps.db.auditEvent.findMany({}), bigints)).not.toContain(token);
  });

  it.each([1, true, null, [], ['x'], { x: 1 }, ''])('never gets a captcha token that is %j', async (odd) => {
    const user = await app.signUp();
    for (const list of Object.values(asked)) list.length = 0;
    const email = 'nobody@example.com';
    for (const answer of [
      await logIn(user, { captcha_token: odd }),
      await signUp({ captcha_token: odd }),
      await post('/auth/password/forgot', { email, captcha_token: odd }),
    ])
      expectProblem(answer, 'validation_failed');
    expect(asked).toMatchObject({ beforeSignUp: [], beforePasswordCheck: [], beforeForgotPassword: [] });
  });

  it('gets a captcha token of at most 4,096 characters', async () => {
    const user = await app.signUp();
    const [longest, tooLong] = ['x'.repeat(4_096), 'x'.repeat(4_097)];
    await logIn(user, { captcha_token: longest }).expect(200);
    expectProblem(await logIn(user, { captcha_token: tooLong }), 'validation_failed');
    expectProblem(await signUp({ captcha_token: tooLong }), 'validation_failed');
    const email = 'nobody@example.com';
    expectProblem(await post('/auth/password/forgot', { email, captcha_token: tooLong }), 'validation_failed');
  });
});
