import { describe, expect, it } from 'vitest';
import { dataBox, readDataBox } from '../../src/keys/data-box.js';
import { resealKeys } from '../../src/keys/rotation.js';
import { createSecretBox } from '../../src/keys/secret-box.js';
import { exportUsers } from '../../src/user-transfer/export.js';
import { webhookChecks } from '../../src/webhooks/doctor.js';
import { openSecret } from '../../src/webhooks/secrets.js';
import { startAppForTest, type TestApp } from '../support/app.js';
import { withRole } from '../support/rows.js';
import { createWebhook } from '../support/webhooks.js';

const otherSecret = 'another-secret-0123456789abcdefghijklmnopqrstuv';

/** What `doctor` says of webhooks, with the settings of the server or another secret. */
const findings = ({ config, deps }: TestApp, authSecret = config.authSecret) =>
  webhookChecks.database({ ...config, authSecret }, deps.database);

const start = () => startAppForTest({}, { own: { on: {} } });

async function withWebhook() {
  const app = await start();
  const admin = await withRole(app, await app.signUp(), 'admin');
  return { app, admin, webhook: await createWebhook(app, admin) };
}

describe('doctor on webhooks', () => {
  it('says nothing where there are none', async () => {
    expect(await findings(await start())).toEqual([]);
  });

  it('finds nothing wrong with one that works', async () => {
    expect(await findings((await withWebhook()).app)).toMatchObject([
      { check: 'webhooks', status: 'ok', detail: '1, all enabled' },
      { check: 'deliveries to webhooks', status: 'ok', detail: '0 waiting, the oldest for 0 s' },
      { check: 'secrets of webhooks', status: 'ok', detail: 'all open' },
    ]);
  });

  it('warns of one that is disabled, by its id and not its URL', async () => {
    const { app, admin, webhook } = await withWebhook();
    await app.http.patch(`/admin/webhooks/${webhook.id}`).set(admin.bearer).send({ enabled: false }).expect(200);
    const [found] = await findings(app);
    expect(found).toMatchObject({ status: 'warning', detail: `1, disabled: ${webhook.id} (manual)` });
    expect(JSON.stringify(found)).toContain('webhooks enable');
    expect(JSON.stringify(found)).not.toContain(webhook.url);
  });

  it('warns where an event has waited for more than an hour', async () => {
    const { app } = await withWebhook();
    await app.signUp();
    const setAge = (minutes: number) =>
      app.deps.db.$executeRaw`
        UPDATE webhook_delivery SET created_at = clock_timestamp() - make_interval(mins => ${minutes}::int)`;
    await setAge(59);
    expect((await findings(app))[1]).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/^1 waiting, .* 354\d s$/),
    });
    await setAge(61);
    expect((await findings(app))[1]).toMatchObject({ status: 'warning' });
  });

  it('warns where AUTH_SECRET does not open a secret', async () => {
    const { app, webhook } = await withWebhook();
    const [, , found] = await findings(app, otherSecret);
    expect(found).toMatchObject({ status: 'warning', detail: `no data key opens that of ${webhook.id}` });
  });
});

it('"keys reseal" moves the secrets of webhooks along: with the new AUTH_SECRET alone they are what they were', async () => {
  const { app, webhook } = await withWebhook();
  await resealKeys({ db: app.deps.db, box: createSecretBox([otherSecret, `${app.config.authSecret}`]) });
  expect((await findings(app, otherSecret))[2]).toMatchObject({ status: 'ok' });
  const { sealedSecret } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id: webhook.id } });
  const box = await readDataBox(app.deps.db, createSecretBox([otherSecret]));
  expect(`whsec_${openSecret(box, webhook.id, sealedSecret ?? new Uint8Array())?.toString('base64')}`).toBe(
    webhook.secret,
  );
});

it('neither export has the secret of a webhook, sealed or not', async () => {
  const { app, admin, webhook } = await withWebhook();
  const { sealedSecret } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id: webhook.id } });
  const sealed = Buffer.from(sealedSecret ?? []);
  const own = (await app.http.get('/me/export').set(admin.bearer).expect(200)).text;
  const lines: string[] = [];
  for await (const user of exportUsers(app.deps, dataBox(app.deps.keys))) lines.push(JSON.stringify(user));
  for (const text of [own, lines.join('\n')]) {
    expect(text).toContain(admin.username);
    expect(text).not.toContain('whsec_');
    for (const form of [webhook.secret.slice(6), sealed.toString('base64'), sealed.toString('hex')])
      expect(text).not.toContain(form);
  }
});
