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
import { serveRows } from '../support/rows-app.js';

const body = z.object({ email: z.email().optional(), password: z.string().optional() }).default({});

/** An endpoint that does nothing but have limits. */
const limited = endpointFor<unknown>()({
  name: 'own',
  summary: 'A row of the test’s own',
  body,
  reply: [202],
  handler(context) {
    if (context.body.password === wrong) throw new AppError('invalid_credentials');
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
  it('are limited to 5 an hour per recipient, from any address and any user, known or unknown', async () => {
    const { app, ask } = await start();
    const { bearer } = await app.signUp({ email: 'Ada@Example.com' });
    for (const [n, email] of ['ada@example.com', 'ADA@example.com', 'ada@EXAMPLE.com'].entries())
      expect((await ask('/forgot', { email }, {}, `192.0.2.${n}`)).status).toBe(202);
    expect((await ask('/resend', {}, bearer, '192.0.2.8')).status).toBe(202);
    const change = { email: 'ada@example.com', password: goodPassword };
    expect((await ask('/change', change, bearer, '192.0.2.9')).status).toBe(202);

    const spent = [429, '"mail";q=5;w=3600'];
    expect(refusedBy(await ask('/forgot', { email: 'ada@example.com' }, {}, '192.0.2.77'))).toEqual(spent);
    expect(refusedBy(await ask('/resend', {}, bearer, '192.0.2.77'))).toEqual(spent);
    expect(refusedBy(await ask('/change', change, bearer, '192.0.2.77'))).toEqual(spent);
    for (let n = 0; n < 5; n++) expect((await ask('/forgot', { email: 'nobody@example.com' })).status).toBe(202);
    expect(refusedBy(await ask('/forgot', { email: 'nobody@example.com' }))).toEqual(spent);
  });

  it('are counted for the address they go to, over all users who wait for it and anything they type', async () => {
    const { app } = await start({ RATE_LIMIT_MAIL_ADDRESS: '100/1h', RATE_LIMIT_GENERAL: '1000/1m' });
    const resend = (bearer: object, body: object) =>
      app.http
        .post('/auth/email/resend')
        .set({ ...bearer })
        .send(body);
    const [one, two] = [await app.signUp({ email: 'one@example.com' }), await app.signUp({ email: 'two@example.com' })];
    for (const { bearer } of [one, two])
      await app.http.patch('/me').set(bearer).send({ email: 'Ada@example.com', password: goodPassword }).expect(200);
    for (let n = 0; n < 3; n++) await resend(one.bearer, { email: `other-${n}@example.com` }).expect(202);
    const spent = [429, '"mail";q=5;w=3600'];
    expect(refusedBy(await resend(one.bearer, { email: 'other@example.com' }))).toEqual(spent);
    expect(refusedBy(await resend(two.bearer, {}))).toEqual(spent);
    expect(await app.deps.db.outbox.count({ where: { purpose: 'verify', recipient: 'Ada@example.com' } })).toBe(5);
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
  it('are limited to 10 in 15 minutes per client address', async () => {
    const { ask } = await start();
    for (let n = 0; n < 10; n++) expect((await ask('/reset')).status).toBe(202);
    expect(refusedBy(await ask('/reset'))).toEqual([429, '"password";q=10;w=900']);
    expect((await ask('/reset', {}, {}, '192.0.2.2')).status).toBe(202);
  });
});
