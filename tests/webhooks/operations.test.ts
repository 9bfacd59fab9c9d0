import { expect, it } from 'vitest';
import { readDataBox } from '../../src/keys/data-box.js';
import { resealKeys } from '../../src/keys/rotation.js';
import { createSecretBox } from '../../src/keys/secret-box.js';
import { webhookChecks } from '../../src/webhooks/doctor.js';
import { openSecret } from '../../src/webhooks/secrets.js';
import { startAppForTest } from '../support/app.js';
import { withRole } from '../support/rows.js';
import { createWebhook } from '../support/webhooks.js';

it('"keys reseal" and "doctor" go by the secrets of webhooks too', async () => {
  const app = await startAppForTest();
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id, secret } = await createWebhook(app, admin);
  const [now, next] = [`${app.config.authSecret}`, 'another-secret-0123456789abcdefghijklmnopqrstuv'];
  const found = (authSecret: string) =>
    webhookChecks
      .database({ ...app.config, authSecret }, { client: app.deps.db })
      .then((findings) => findings.map(({ check, status }) => [check, status].join(': ')));
  const fine = ['webhooks: ok', 'deliveries to webhooks: ok', 'secrets of webhooks: ok'];
  expect(await found(now)).toEqual(fine);
  expect(await found(next)).toContain('secrets of webhooks: warning');
  await resealKeys({ db: app.deps.db, box: createSecretBox([next, now]) });
  expect(await found(next)).toEqual(fine);
  const { sealedSecret } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id } });
  const box = await readDataBox(app.deps.db, createSecretBox([next]));
  expect(`whsec_${openSecret(box, id, sealedSecret ?? new Uint8Array())?.toString('base64')}`).toBe(secret);
  await app.http.patch(`/admin/webhooks/${id}`).set(admin.bearer).send({ enabled: false }).expect(200);
  expect(await found(next)).toContain('webhooks: warning');
});
