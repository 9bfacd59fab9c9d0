import request from 'supertest';
import { expect, it } from 'vitest';
import { createApp } from '../../src/app.js';
import { route } from '../../src/endpoint.js';
import { startAppForTest } from '../support/app.js';
import { mailTo } from '../support/mails.js';

it('a row with verifiedEmail is closed with 403 email_unverified until the address is verified', async () => {
  const app = await startAppForTest();
  const row = { method: 'GET', path: '/own', name: 'own', summary: 'Its own', guard: 'access-token' } as const;
  const handler = () => ({ status: 200, body: { open: true } });
  const own = createApp(app.deps, [route({ ...row, reply: [200], errors: [], verifiedEmail: true, handler })]);
  const user = await app.signUp({ email: 'ada@example.com' });
  const without = await app.signUp();
  const ask = (bearer: object) =>
    request(own)
      .get('/own')
      .set(bearer as never);
  for (const { bearer } of [user, without]) {
    const { status, body } = await ask(bearer);
    expect([status, body.code]).toEqual([403, 'email_unverified']);
  }
  expect((await request(own).get('/own')).status).toBe(401);
  const { token } = await mailTo(app, 'ada@example.com');
  await app.http.post('/auth/email/verify').send({ token }).expect(204);
  // The same token as before: it is asked each time.
  expect((await ask(user.bearer)).body).toEqual({ open: true });
});
