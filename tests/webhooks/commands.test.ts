import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { commands } from '../../src/commands.js';
import { dataBox } from '../../src/keys/data-box.js';
import { failure } from '../../src/platform/cli/answer.js';
import { parse } from '../../src/platform/cli/parse.js';
import { openSecret } from '../../src/webhooks/secrets.js';
import { ownWebhookId } from '../../src/webhooks/webhooks.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { known } from '../support/known-hashes.js';
import { deleteWebhooks, nowhere, queuedFor } from '../support/webhooks.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({}, { own: { on: {} } });
});
afterAll(() => app.stop());
beforeEach(() => deleteWebhooks(app));

/** A command as an operator types it. */
async function commandOn({ deps }: TestApp, line: string) {
  const parsed = parse(line.split(' '), commands);
  if ('help' in parsed) throw new Error('This is no command.');
  const { json, text } = await parsed.command.run(deps, parsed.args);
  return { json: json as Record<string, string>, text };
}
const command = (line: string) => commandOn(app, line);

async function create(options = '--event *') {
  const { json, text } = await command(`webhooks create ${nowhere} ${options}`);
  const secret = `${json.secret}`;
  app.secrets.add('the secret of a webhook', secret.slice(6, -1));
  return { id: `${json.id}`, secret, json, text };
}

const unknown = uuidv7();
const eventsOf = async (id: string) =>
  (await app.deps.db.webhookDelivery.findMany({ where: { webhookId: id } })).length;

describe('The operator', () => {
  it('makes a webhook, whose secret is printed once', async () => {
    const { id, secret, json, text } = await create('--event user.created --event user.deleted --description Shop');
    expect(json).toMatchObject({
      url: nowhere,
      events: ['user.created', 'user.deleted'],
      description: 'Shop',
      enabled: true,
      created_by: null,
    });
    expect(text).toContain(`The secret, shown this once: ${secret}`);
    const listed = await command('webhooks list');
    expect(listed.text).toMatch(/ID +URL +EVENTS +STATE +WAITING +FAILED +LAST ATTEMPT +DESCRIPTION/);
    expect(listed.text).toMatch(new RegExp(`${id} +${nowhere} +user.created user.deleted +enabled +0 +0 +.*Shop`));
    expect(JSON.stringify(listed)).not.toContain(secret.slice(6, -1));
    const recorded = await app.deps.db.auditEvent.findFirstOrThrow({ where: { action: 'webhook.created' } });
    expect(recorded).toMatchObject({ actorId: null, ip: null, detail: { webhook_id: id } });
  });

  it('sees that there are none', async () => {
    expect((await command('webhooks list')).text).toBe('There are no webhooks.');
  });

  it('disables a webhook, which gets nothing then, and enables it again', async () => {
    const { id } = await create();
    await app.signUp();
    expect((await command(`webhooks disable ${id}`)).text).toMatch(/state +disabled\n[\s\S]*waiting +1$/);
    expect((await command('webhooks list')).text).toContain('disabled (manual)');
    await app.signUp();
    const enabled = await command(`webhooks enable ${id}`);
    expect(enabled.json).toMatchObject({ enabled: true, disabled_reason: null, waiting: 1 });
    await app.signUp();
    expect(await queuedFor(app, id)).toEqual(['user.created', 'user.created']);
  });

  it('sends an event again', async () => {
    const { id } = await create();
    await app.signUp();
    const { eventId } = await app.deps.db.webhookDelivery.findFirstOrThrow({ where: { webhookId: id } });
    await app.deps.db.webhookDelivery.updateMany({ data: { deliveredAt: new Date(), attempts: 3 } });
    expect(await command(`webhooks retry ${id} ${eventId}`)).toEqual({
      json: { id, event_id: eventId },
      text: 'It waits to be sent again.',
    });
    const { deliveredAt } = await app.deps.db.webhookDelivery.findFirstOrThrow({ where: { webhookId: id } });
    expect(deliveredAt).toBeNull();
  });

  it('sends the events of a time again, of some kinds if that is wanted', async () => {
    const since = new Date().toISOString();
    const { username, password } = await app.signUp();
    await app.http.post('/auth/login').send({ username, password }).expect(200);
    const until = new Date().toISOString();
    await app.signUp();
    const { id } = await create();
    const time = `--since ${since} --until ${until}`;
    expect((await command(`webhooks replay ${id} ${time} --event login.succeeded`)).text).toBe(
      '1 event waits to be sent again.',
    );
    expect((await command(`webhooks replay ${id} ${time}`)).json).toEqual({ id, count: 2 });
    expect(await queuedFor(app, id)).toEqual(['user.created', 'login.succeeded']);
    expect((await command(`webhooks replay ${id} --since ${since}`)).json.count).toBe(3);
  });

  it('replaces a secret, which is printed once; the one before signs along', async () => {
    const { id, secret } = await create();
    const { json, text } = await command(`webhooks rotate-secret ${id}`);
    app.secrets.add('the new secret of a webhook', `${json.secret}`.slice(6, -1));
    expect(json.secret).toMatch(/^whsec_/);
    expect(json.secret).not.toBe(secret);
    expect(text).toContain(`The new secret, shown this once: ${json.secret}\nThe one before signs along until `);
    expect(Date.parse(`${json.previous_until}`) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  });

  it('may write an id in capitals: the new secret still signs', async () => {
    const { id } = await create();
    const { json } = await command(`webhooks rotate-secret ${id.toUpperCase()}`);
    app.secrets.add('the new secret of a webhook', `${json.secret}`.slice(6, -1));
    expect(json.id).toBe(id);
    const { sealedSecret } = await app.deps.db.webhook.findUniqueOrThrow({ where: { id } });
    const opened = openSecret(dataBox(app.deps.keys), id, sealedSecret ?? Buffer.alloc(0));
    expect(`whsec_${opened?.toString('base64')}`).toBe(json.secret);
  });

  it('names the handlers in code as own', async () => {
    const own = await startAppForTest({}, { own: { on: { 'user.created': async () => undefined } } });
    expect((await commandOn(own, 'webhooks list')).text).toMatch(
      new RegExp(`${ownWebhookId} +own/events.ts +user.created`),
    );
    const since = new Date().toISOString();
    await own.signUp();
    expect((await commandOn(own, `webhooks replay own --since ${since}`)).json.count).toBe(1);
    const [{ eventId } = { eventId: '' }] = await own.deps.db.webhookDelivery.findMany();
    expect((await commandOn(own, `webhooks retry own ${eventId}`)).text).toBe('It waits to be sent again.');
    await expect(commandOn(own, `webhooks disable ${ownWebhookId}`)).rejects.toMatchObject({ code: 'webhook_fixed' });
  });
});

describe('What is mistyped is told in plain words:', () => {
  it.each([
    ['create https://127.0.0.1/ --event *', /WEBHOOK_ALLOW/],
    ['create shop.example.com --event *', /^The URL is not acceptable\. An https URL, please\./],
    [`create ${nowhere}`, /^--event is not acceptable\. Name at least one event, or \* for all\./],
    [`create ${nowhere} --event user.made`, /^--event is not acceptable\..*user\.created/],
    ['disable shop', /named by their ids/],
    ['enable', /<id>/],
    [`retry ${unknown} user.created`, /named by their ids/],
    [`retry ${unknown} evt_${unknown}`, /^Leave out evt_/],
    [`retry ${unknown} ${unknown}`, /^There is no webhook /],
    [`retry own ${unknown}`, /^There are no handlers in src\/own\/events\.ts\./],
    ['replay own --since 2026-01-01T00:00:00Z', /^There are no handlers in src\/own\/events\.ts\./],
    [`replay ${unknown}`, /^--since is not acceptable\. Write it as 2026-11-22T14:00:00Z\./],
    [`replay ${unknown} --since 0000-12-31T00:00:00Z`, /^--since is not acceptable\. There is no year 0\./],
    [`replay ${unknown} --since yesterday`, /^--since is not acceptable\./],
    [`replay ${unknown} --since 2026-01-01T00:00:00Z --until soon`, /^--until is not acceptable\./],
    [`replay ${unknown} --since 2026-01-01T00:00:00Z --event none`, /^--event is not acceptable\./],
  ])('webhooks %s', async (typed, why) => {
    const { stderr, exit_code } = failure(await command(`webhooks ${typed}`).catch((error) => error));
    expect([stderr, exit_code > 0]).toEqual([expect.stringMatching(why), true]);
    expect(await app.deps.db.webhook.count()).toBe(0);
  });

  it.each(['disable', 'enable', 'rotate-secret'])('webhooks %s of one that there is not', async (name) => {
    await expect(command(`webhooks ${name} ${unknown}`)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a twenty-first webhook', async () => {
    for (let count = 0; count < 20; count++) await create();
    await expect(create()).rejects.toMatchObject({ code: 'too_many_webhooks' });
  });
});

describe('users import', () => {
  it('tells webhooks of the new users only with --events', async () => {
    const { id } = await create();
    const folder = mkdtempSync(join(tmpdir(), 'gatelatch-import-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = (username: string) => {
      const file = join(folder, username);
      writeFileSync(file, `${JSON.stringify({ username, password_hash: known[0]?.hash })}\n`);
      return file;
    };
    expect((await command(`users import ${path('quiet')}`)).json).toMatchObject({ imported: 1 });
    expect(await eventsOf(id)).toBe(0);
    expect((await command(`users import ${path('loud')} --events`)).json).toMatchObject({ imported: 1 });
    expect(await queuedFor(app, id)).toEqual(['user.created']);
  });
});
