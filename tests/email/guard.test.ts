import request from 'supertest';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../src/app.js';
import { endpoint, GET } from '../../src/endpoint.js';
import { verifiedEmail } from '../../src/guards.js';
import { startAppForTest } from '../support/app.js';
import { mailTo } from '../support/mails.js';

it('a route with the guard verifiedEmail answers 403 email_unverified until the address is verified', async () => {
  const app = await startAppForTest();
  const show = endpoint({
    name: 'own',
    summary: 'Its own',
    reply: [200, z.object({ open: z.boolean() })],
    handler: () => ({ body: { open: true } }),
  });
  const own = createApp(app.deps, [GET('/own', { guard: verifiedEmail }, show)]);
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
  // The same token works now, because the address is checked each time.
  expect((await ask(user.bearer)).body).toEqual({ open: true });
});
