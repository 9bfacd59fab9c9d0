import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readDataBox } from '../../src/keys/data-box.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { createWebhook, deleteWebhooks, nowhere } from '../support/webhooks.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());
beforeEach(() => deleteWebhooks(app));

const unknown = '01890a5d-ac96-774b-bcce-b302099a8057';
const post = (path: string, body: object = {}) => app.http.post(path).set(admin.bearer).send(body);
const create = (body: object) => post('/admin/webhooks', { url: nowhere, events: ['*'], ...body });
const get = (path: string) => app.http.get(path).set(admin.bearer);
const patch = (id: string, body: object) => app.http.patch(`/admin/webhooks/${id}`).set(admin.bearer).send(body);
const recordedOf = async (id: string) =>
  (await app.deps.db.auditEvent.findMany({ where: { action: { startsWith: 'webhook.' } }, orderBy: { id: 'asc' } }))
    .filter(({ detail }) => (detail as { webhook_id?: string }).webhook_id === id)
    .map(({ action, detail, actorId }) => ({ action, actorId, ...(detail as object) }));

describe('A webhook', () => {
  it('is made with a secret that is shown once, and listed without it', async () => {
    const { status, body } = await create({ events: ['user.created', 'user.created'], description: 'The shop' });
    const { secret, ...shown } = body;
    expect([status, shown]).toEqual([
      201,
      {
        id: expect.any(String),
        url: nowhere,
        events: ['user.created'],
        description: 'The shop',
        enabled: true,
        disabled_reason: null,
        created_by: admin.userId,
        created_at: expect.any(String),
        updated_at: expect.any(String),
        last_attempt_at: null,
        last_status: null,
        waiting: 0,
        failed: 0,
      },
    ]);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect((await get(`/admin/webhooks/${body.id}`).expect(200)).body).toEqual(shown);
    expect((await get('/admin/webhooks').expect(200)).body.data).toContainEqual(shown);
    expect(await recordedOf(body.id)).toEqual([
      { action: 'webhook.created', actorId: admin.userId, webhook_id: body.id },
    ]);
  });

  it('keeps its secret sealed: it opens under its own id alone', async () => {
    const [one, other] = [await createWebhook(app, admin), await createWebhook(app, admin)];
    const row = await app.deps.db.webhook.findUniqueOrThrow({ where: { id: one.id } });
    const box = await readDataBox(app.deps.db, app.deps.box);
    const sealed = row.sealedSecret ?? new Uint8Array();
    expect(`whsec_${box.open(sealed, `webhook:${one.id}`)?.toString('base64')}`).toBe(one.secret);
    expect(box.open(sealed, `webhook:${other.id}`)).toBeUndefined();
  });

  it('is listed page by page, oldest first', async () => {
    const ids = [];
    for (let count = 0; count < 5; count++) ids.push((await createWebhook(app, admin)).id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await get(`/admin/webhooks?limit=2${cursor && `&cursor=${cursor}`}`).expect(200);
      seen.push(...body.data.filter(({ url }: { url: string }) => url !== null).map(({ id }: { id: string }) => id));
      cursor = body.next_cursor;
    } while (cursor);
    expect(seen).toEqual(ids);
  });

  it('is changed field by field, and the audit says which', async () => {
    const { id } = await createWebhook(app, admin);
    const { body } = await patch(id, { url: 'https://other.example.com/x', events: ['user.deleted', '*'] }).expect(200);
    expect(body).toMatchObject({ url: 'https://other.example.com/x', events: ['*'], description: '' });
    await patch(id, { description: 'Another' }).expect(200);
    await patch(id, {}).expect(200);
    await patch(id, { description: 'Another', enabled: true }).expect(200);
    expect((await recordedOf(id)).slice(1)).toEqual([
      { action: 'webhook.changed', actorId: admin.userId, webhook_id: id, changed: ['url'] },
      { action: 'webhook.changed', actorId: admin.userId, webhook_id: id, changed: ['description'] },
    ]);
  });

  it('is disabled and enabled again', async () => {
    const { id } = await createWebhook(app, admin);
    for (let twice = 0; twice < 2; twice++)
      expect((await patch(id, { enabled: false }).expect(200)).body).toMatchObject({
        enabled: false,
        disabled_reason: 'manual',
      });
    expect((await patch(id, { enabled: true }).expect(200)).body).toMatchObject({
      enabled: true,
      disabled_reason: null,
    });
    expect((await recordedOf(id)).map(({ action }) => action)).toEqual([
      'webhook.created',
      'webhook.disabled',
      'webhook.changed',
    ]);
  });

  it('is deleted', async () => {
    const { id } = await createWebhook(app, admin);
    await app.http.delete(`/admin/webhooks/${id}`).set(admin.bearer).expect(204);
    expectProblem(await get(`/admin/webhooks/${id}`), 'not_found');
    expectProblem(await app.http.delete(`/admin/webhooks/${id}`).set(admin.bearer), 'not_found');
    expect((await recordedOf(id)).at(-1)).toEqual({
      action: 'webhook.deleted',
      actorId: admin.userId,
      webhook_id: id,
    });
  });

  it('that nobody made is not found', async () => {
    const path = `/admin/webhooks/${unknown}`;
    for (const answer of [
      await get(path),
      await patch(unknown, { enabled: false }),
      await post(`${path}/rotate-secret`),
      await post(`${path}/ping`),
      await get(`${path}/deliveries`),
      await post(`${path}/replay`, { since: '2026-01-01T00:00:00Z' }),
      await post(`${path}/deliveries/${unknown}/retry`),
    ])
      expectProblem(answer, 'not_found');
  });

  it('is for nobody but who has webhooks:write', async () => {
    const user = await app.signUp();
    const answer = await app.http.get('/admin/webhooks').set(user.bearer);
    expectProblem(answer, 'forbidden');
    expect(answer.headers['www-authenticate']).toContain('scope="webhooks:write"');
    expect(
      (await withRole(app, user, 'editor').then(({ bearer }) => app.http.get('/admin/webhooks').set(bearer))).status,
    ).toBe(403);
  });
});

describe('An old session', () => {
  const bearerOf = (age: number) => {
    const { own, header, claims } = createForger(app, admin);
    const authTime = Math.floor(Date.now() / 1000) - age;
    return { Authorization: `Bearer ${own(header, { ...claims, auth_time: authTime })}` };
  };

  it('makes no webhook, changes none and gets no secret: a stolen one must not become one that stays', async () => {
    const { id } = await createWebhook(app, admin);
    const asked = (bearer: { Authorization: string }) => {
      const change = (body: object) => app.http.patch(`/admin/webhooks/${id}`).set(bearer).send(body);
      return [
        app.http
          .post('/admin/webhooks')
          .set(bearer)
          .send({ url: nowhere, events: ['*'] }),
        app.http.post(`/admin/webhooks/${id}/rotate-secret`).set(bearer),
        ...[{ url: nowhere }, { events: ['*'] }, { enabled: true }].map(change),
      ];
    };
    for (const refused of await Promise.all(asked(bearerOf(16 * 60)))) {
      expectProblem(refused, 'insufficient_user_authentication');
      expect(refused.body.max_age).toBe(900);
    }
    for (const { status } of await Promise.all(asked(bearerOf(14 * 60)))) expect(status).toBeLessThan(300);
  });

  it('still stops one', async () => {
    const { id } = await createWebhook(app, admin);
    const [path, bearer] = [`/admin/webhooks/${id}`, bearerOf(86_400)];
    await app.http.patch(path).set(bearer).send({ enabled: false, description: 'Stopped' }).expect(200);
    await app.http.delete(path).set(bearer).expect(204);
  });
});

describe('There are at most 20 webhooks', () => {
  it('and of 30 requests at once no more succeed', async () => {
    await createWebhook(app, admin);
    const answers = await Promise.all(Array.from({ length: 30 }, () => create({})));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(19);
    for (const answer of answers.filter(({ status }) => status !== 201)) expectProblem(answer, 'too_many_webhooks');
    expect(await app.deps.db.webhook.count({ where: { url: { not: null } } })).toBe(20);
  });
});

describe('A new secret', () => {
  it('is shown once, and the one before signs along for a day', async () => {
    const { id, secret } = await createWebhook(app, admin);
    const { body } = await post(`/admin/webhooks/${id}/rotate-secret`).expect(200);
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.secret).not.toBe(secret);
    expect(Date.parse(body.previous_until) - Date.now()).toBeGreaterThan(23.9 * 3_600_000);
    expect(Date.parse(body.previous_until) - Date.now()).toBeLessThan(24.1 * 3_600_000);
    const box = await readDataBox(app.deps.db, app.deps.box);
    const { sealedSecret, sealedPrevious } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id } });
    const opened = [sealedSecret, sealedPrevious].map(
      (sealed) => `whsec_${box.open(sealed ?? new Uint8Array(), `webhook:${id}`)?.toString('base64')}`,
    );
    expect(opened).toEqual([body.secret, secret]);
    expect((await recordedOf(id)).at(-1)).toMatchObject({ action: 'webhook.changed', changed: ['secret'] });
  });

  it('of several at once, each but the last two has ended', async () => {
    const { id } = await createWebhook(app, admin);
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(`/admin/webhooks/${id}/rotate-secret`)));
    const made = answers.map(({ body }) => body.secret as string);
    const box = await readDataBox(app.deps.db, app.deps.box);
    const { sealedSecret, sealedPrevious } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id } });
    const [now, before] = [sealedSecret, sealedPrevious].map(
      (sealed) => `whsec_${box.open(sealed ?? new Uint8Array(), `webhook:${id}`)?.toString('base64')}`,
    );
    expect(made).toContain(now);
    expect(made).toContain(before);
    expect(now).not.toBe(before);
  });
});

describe('The URL of a webhook', () => {
  const objectionTo = async (url: unknown, own = app) => {
    const as = own === app ? admin : await withRole(own, await own.signUp(), 'admin');
    const answer = await own.http
      .post('/admin/webhooks')
      .set(as.bearer)
      .send({ url, events: ['*'] });
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual(['url']);
    return answer.body.errors[0].message as string;
  };

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data/',
    'http://168.63.129.16/machine',
    'http://100.64.0.1/',
    'http://192.168.1.1/',
    'http://172.16.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[ff02::1]/',
    'http://[fec0::1]/',
    'http://[4000::1]/',
  ])('names no inside address: %s', async (url) => {
    expect(await objectionTo(url)).toContain('WEBHOOK_ALLOW');
    expect(await objectionTo(url.replace('http:', 'https:'))).toContain('WEBHOOK_ALLOW');
  });

  it('may name the networks that WEBHOOK_ALLOW names, and no other', async () => {
    const own = await startAppForTest({ WEBHOOK_ALLOW: '10.0.0.0/8,::1' });
    const root = await withRole(own, await own.signUp(), 'admin');
    for (const url of ['http://10.255.0.1/', 'http://[::1]:8080/']) await createWebhook(own, root, { url });
    for (const url of ['http://11.0.0.1.nip.io/', 'http://11.0.0.1/']) await createWebhook(own, root, { url });
    for (const url of ['http://127.0.0.1/', 'http://[::ffff:10.0.0.1]/', 'http://[::2]/'])
      expect(await objectionTo(url, own)).toContain('WEBHOOK_ALLOW');
  });

  it('is https in production, and in development http too', async () => {
    await createWebhook(app, admin, { url: 'http://hooks.example.com/' });
    const own = await startAppForTest({
      NODE_ENV: 'production',
      JWT_ISSUER: 'https://login.example.com',
      AUTH_SECRET: 'kX9vQ2mZ7tB4nR8wL3yC6hF1jD5gS0aPqWeUiOxV',
    });
    expect(await objectionTo('http://hooks.example.com/', own)).toBe('It must begin with https://.');
  });

  it.each([
    ['ftp://hooks.example.com/', 'An https URL, please.'],
    ['hooks.example.com', 'An https URL, please.'],
    ['', 'An https URL, please.'],
    ['javascript:alert(1)', 'An https URL, please.'],
    ['https://ada@hooks.example.com/', 'No user and no password'],
    ['https://:secret@hooks.example.com/', 'No user and no password'],
    ['https://hooks.example.com/#part', 'No fragment'],
    ['https://hooks.example.com/#', 'No fragment'],
    [`https://hooks.example.com/${'x'.repeat(2048)}`, 'At most 2048'],
    [`https://hooks.example.com/${'ü'.repeat(400)}`, 'At most 2048'],
  ])('is refused: %.60s', async (url, message) => {
    expect(await objectionTo(url)).toContain(message);
  });

  it('is checked at a change too', async () => {
    const { id } = await createWebhook(app, admin);
    expectProblem(await patch(id, { url: 'http://127.0.0.1/' }), 'validation_failed');
    expect((await get(`/admin/webhooks/${id}`)).body.url).toBe(nowhere);
  });

  it('is kept as it will be called', async () => {
    const { url } = await createWebhook(app, admin, { url: 'HTTPS://Hooks.Example.com:443/a/../b?c=ü' });
    expect(url).toBe('https://hooks.example.com/b?c=%C3%BC');
  });
});

describe('The events of a webhook', () => {
  it.each([[[]], [['login.failed']], [['user.*']], [['webhook.created']], ['*'], [[1]], [[null]]])(
    'are those of the list: %j is refused',
    async (events) => {
      const answer = await create({ events });
      expectProblem(answer, 'validation_failed');
      expect(answer.body.errors[0].path).toMatch(/^events/);
    },
  );
});
