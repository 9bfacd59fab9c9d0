import type { Response, Test } from 'supertest';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { mailLimit, newEmailLimit } from '../../src/email/limits.js';
import { endpointFor, POST } from '../../src/endpoint.js';
import { AppError } from '../../src/errors.js';
import { accessToken, open } from '../../src/guards.js';
import { passwordLimit, resetLimit } from '../../src/passwords/limits.js';
import { goodPassword, startAppForTest } from '../support/app.js';
import { limitsOn, statusesOf, wrong } from '../support/limits.js';
import { confirm, settledMails } from '../support/mails.js';
import { serveRows } from '../support/rows-app.js';

const body = z
  .object({ email: z.email().optional(), password: z.string().optional(), token: z.string().optional() })
  .default({});

/** An endpoint that does nothing but have limits. */
const limited = endpointFor<unknown>()({
  name: 'own',
  summary: 'A row of the test’s own',
  body,
  reply: [202],
  handler(context) {
    if (context.body.password === wrong) throw new AppError('invalid_credentials');
    if (context.body.token === 'made-up') throw new AppError('invalid_one_time_token');
    return {};
  },
});

const rows = [
  POST('/forgot', { guard: open, limit: mailLimit }, limited),
  POST('/resend', { guard: accessToken, limit: mailLimit }, limited),
  POST('/change', { guard: accessToken, limit: [passwordLimit, newEmailLimit] }, limited),
  POST('/reset', { guard: open, limit: resetLimit }, limited),
];

async function start(settings: Record<string, string> = {}) {
  const app = await startAppForTest({ ...limitsOn, ...settings });
  const http = await serveRows(app, rows);
  const ask = (path: string, fields: object = {}, headers: object = {}, from = '192.0.2.1'): Test =>
    http
      .post(path)
      .set({ 'X-Forwarded-For': from, ...headers })
      .send(fields);
  return { app, ask };
}

const refusedBy = ({ status, headers }: Response) => [status, headers['ratelimit-policy']];

describe('Mails', () => {
  it('are limited to 5 an hour per purpose and recipient: the answer stays 202, and the newest link keeps working', async () => {
    const { app } = await start({ RATE_LIMIT_GENERAL: '1000/1m' });
    const user = await app.signUp({ email: 'Ada@Example.com' });
    const post = (path: string, body: object, from: number) =>
      app.http.post(path).set('X-Forwarded-For', `192.0.2.${from}`).send(body).expect(202, '');
    for (let n = 0; n < 8; n++) {
      await post('/auth/password/forgot', { email: n % 2 ? 'ada@example.com' : 'ADA@example.com' }, n);
      await post('/auth/password/forgot', { email: 'nobody@example.com' }, n);
    }
    const resets = (await settledMails(app)).filter(({ subject }) => subject === 'Set a new password');
    expect(resets.map(({ to }) => to)).toEqual(Array(5).fill('<Ada@Example.com>'));
    // Another purpose has points of its own.
    for (let n = 0; n < 8; n++) await post('/auth/email/resend', { email: 'ada@example.com' }, n);
    expect((await settledMails(app)).filter(({ subject }) => /Confirm/.test(subject))).toHaveLength(6);
    const reset = { token: resets.at(-1)?.token, password: 'a wholly new passphrase' };
    await app.http.post('/auth/password/reset').send(reset).expect(204);
    await app.http.post('/auth/login').send({ username: user.username, password: reset.password }).expect(200);
  });

  it('are limited too if many are asked for at one moment, in any spelling', async () => {
    const { app } = await start({ RATE_LIMIT_GENERAL: '1000/1m' });
    await app.signUp({ email: 'ada@example.com' });
    const spellings = Array.from({ length: 16 }, (_, n) => ('ADA'.slice(0, n % 4) + 'ada'.slice(n % 4)).slice(0, 3));
    await Promise.all(
      spellings.map((name, n) =>
        app.http
          .post('/auth/password/forgot')
          .set('X-Forwarded-For', `192.0.2.${n}`)
          .send({ email: `${name}@example.com` })
          .expect(202),
      ),
    );
    expect((await settledMails(app)).filter(({ subject }) => subject === 'Set a new password')).toHaveLength(5);
  });

  it('of resend do not use up those of forgot, and none is sent to a verified address', async () => {
    const { app } = await start();
    await app.signUp({ email: 'ada@example.com' });
    await confirm(app, 'ada@example.com');
    const before = (await settledMails(app)).length;
    for (let n = 0; n < 6; n++)
      await app.http.post('/auth/email/resend').send({ email: 'ada@example.com' }).expect(202);
    expect(await settledMails(app)).toHaveLength(before);
    await app.http.post('/auth/password/forgot').send({ email: 'ada@example.com' }).expect(202);
    expect((await settledMails(app)).slice(before).map(({ subject }) => subject)).toEqual(['Set a new password']);
  });

  it('are counted for the address they go to, over all users who wait for it and anything they type', async () => {
    const { app } = await start({ RATE_LIMIT_MAIL_ADDRESS: '100/1h', RATE_LIMIT_GENERAL: '1000/1m' });
    const resend = (bearer: object, body: object) =>
      app.http
        .post('/auth/email/resend')
        .set({ ...bearer })
        .send(body);
    const [one, two] = [await app.signUp({ email: 'one@example.com' }), await app.signUp({ email: 'two@example.com' })];
    for (const [n, { bearer }] of [one, two].entries())
      await app.http
        .patch('/me')
        .set(bearer)
        .send({ email: n ? 'Ada@example.com' : 'ada@example.com', password: goodPassword })
        .expect(200);
    for (let n = 0; n < 4; n++) {
      await resend(one.bearer, { email: `other-${n}@example.com` }).expect(202);
      await resend(two.bearer, {}).expect(202);
    }
    const mails = await settledMails(app);
    expect(mails.filter(({ to }) => to.toLowerCase() === '<ada@example.com>')).toHaveLength(5);
  });

  it('about one user are limited too, whichever addresses the user asks for', async () => {
    const { app } = await start({ RATE_LIMIT_GENERAL: '1000/1m' });
    const { bearer } = await app.signUp();
    for (let n = 0; n < 9; n++) {
      await app.http
        .patch('/me')
        .set(bearer)
        .send({ email: `n${n}@example.com`, password: goodPassword })
        .expect(200);
      await settledMails(app);
    }
    expect(await settledMails(app)).toHaveLength(5);
  });

  it('are limited to 20 an hour per client address; a change without an e-mail does not count', async () => {
    const { app, ask } = await start();
    const { bearer } = await app.signUp();
    for (let n = 0; n < 20; n++) expect((await ask('/forgot', { email: `n${n}@example.com` })).status).toBe(202);
    const another = { email: 'another@example.com' };
    expect(refusedBy(await ask('/forgot', another))).toEqual([429, '"mail_address";q=20;w=3600']);
    expect((await ask('/change', {}, bearer)).status).toBe(202);
    expect((await ask('/forgot', another, {}, '192.0.2.2')).status).toBe(202);
  });

  it('cannot be sent by sign-ups under ever new sub-addresses of one inbox; a sign-up without an e-mail goes on', async () => {
    const { app } = await start({ RATE_LIMIT_MAIL_ADDRESS: '3/1h' });
    const signUp = (n: number, fields: object = {}) =>
      app.http
        .post('/auth/signup')
        .set('X-Forwarded-For', '192.0.2.9')
        .send({ username: `filler-${n}`, password: goodPassword, ...fields });
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await signUp(n, { email: `inbox+${n}@example.com` }));
    expect(statusesOf(answers)).toEqual([201, 201, 201, 429, 429]);
    expect(refusedBy(answers[4] as Response)).toEqual([429, '"mail_address";q=3;w=3600']);
    expect((await signUp(9)).status).toBe(201);
    expect((await settledMails(app)).filter(({ to }) => to.startsWith('<inbox+'))).toHaveLength(3);
  });

  it('are not counted for invalid input', async () => {
    const { ask } = await start({ RATE_LIMIT_MAIL_ADDRESS: '1/1h' });
    for (let n = 0; n < 3; n++) expect((await ask('/forgot', { email: 'none' })).status).toBe(422);
    expect((await ask('/forgot', { email: 'one@example.com' })).status).toBe(202);
  });

  it('are refused once the limit of wrong passwords is used up', async () => {
    const { app, ask } = await start({ RATE_LIMIT_PASSWORD: '2/15m' });
    const { bearer } = await app.signUp();
    const change = (password: string) => ask('/change', { email: 'new@example.com', password }, bearer);
    expect(statusesOf([await change(wrong), await change(wrong), await change(goodPassword)])).toEqual([401, 401, 429]);
  });
});

describe('Resets', () => {
  it('with made-up tokens are limited to 10 in 15 minutes per client address, others are not', async () => {
    const { ask } = await start();
    const madeUp = { token: 'made-up' };
    for (let n = 0; n < 10; n++) expect((await ask('/reset', madeUp)).status).toBe(400);
    expect(refusedBy(await ask('/reset', madeUp))).toEqual([429, '"password";q=10;w=900']);
    expect((await ask('/reset', madeUp, {}, '192.0.2.2')).status).toBe(400);
    for (let n = 0; n < 11; n++) expect((await ask('/reset')).status).toBe(202);
  });
});
