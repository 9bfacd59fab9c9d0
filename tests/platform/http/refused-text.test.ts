import request from 'supertest';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../../src/app.js';
import { endpoint, POST } from '../../../src/endpoint.js';
import { accessToken } from '../../../src/guards.js';
import { startAppForTest } from '../../support/app.js';

it('a text with a NUL is refused with 422, also by a row whose schema lets it through', async () => {
  const app = await startAppForTest();
  const { bearer, userId } = await app.signUp();
  const create = endpoint({
    name: 'own',
    summary: 'Its own',
    body: z.strictObject({ title: z.string() }),
    reply: [201, z.object({ id: z.uuid() })],
    async handler({ deps, body }) {
      const id = crypto.randomUUID();
      await deps.db.todo.create({ data: { id, userId, title: body.title } });
      return { body: { id } };
    },
  });
  const own = createApp(app.deps, [POST('/own', { guard: accessToken }, create)]);
  const ask = (title: string) =>
    request(own)
      .post('/own')
      .set(bearer as never)
      .send({ title });
  expect((await ask('Water the plants')).status).toBe(201);
  const { status, body } = await ask('Water \0 the plants');
  expect([status, body.code, body.detail]).toEqual([422, 'validation_failed', 'Text may not have a NUL character.']);
});
