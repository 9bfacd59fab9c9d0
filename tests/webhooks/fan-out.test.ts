import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { auditActions, auditEvent } from '../../src/audit/events.js';
import { importUsers } from '../../src/user-transfer/import.js';
import { readUserLines } from '../../src/user-transfer/lines.js';
import { webhookEvents } from '../../src/webhooks/events.js';
import { createServiceUser, makeServiceKey } from '../support/api-keys.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { known } from '../support/known-hashes.js';
import { mailTo } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { createWebhook, deleteWebhooks, queuedFor } from '../support/webhooks.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());
beforeEach(() => deleteWebhooks(app));

const post = (path: string, body: object, as: SignedUp, own = app) => own.http.post(path).set(as.bearer).send(body);

/** What the work queues for a webhook that wants everything. */
async function queuedBy(work: () => PromiseLike<unknown>): Promise<string[]> {
  const { id } = await createWebhook(app, admin);
  await work();
  return queuedFor(app, id);
}

describe('A deed is queued for each webhook that wants it:', () => {
  it('a sign-up, a login, a logout', async () => {
    let user: SignedUp | undefined;
    expect(await queuedBy(async () => (user = await app.signUp()))).toEqual(['user.created']);
    const { username = '', password = '' } = user ?? {};
    const logIn = () => app.http.post('/auth/login').send({ username, password }).expect(200);
    let bearer = {};
    expect(
      await queuedBy(async () => (bearer = { Authorization: `Bearer ${(await logIn()).body.access_token}` })),
    ).toEqual(['login.succeeded']);
    expect(await queuedBy(() => app.http.post('/auth/logout').set(bearer).expect(204))).toEqual(['session.ended']);
  });

  it('a stolen refresh token', async () => {
    const own = await startAppForTest({ REFRESH_GRACE: '0s' });
    const root = await withRole(own, await own.signUp(), 'admin');
    const user = await own.signUp();
    const { id } = await createWebhook(own, root);
    const refresh = () => own.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    await refresh().expect(200);
    await refresh().expect(401);
    expect(await queuedFor(own, id)).toEqual(['refresh.reused']);
    const event = await own.deps.db.auditEvent.findFirstOrThrow({ where: { action: 'refresh.reused' } });
    expect(event.detail).toMatchObject({ session_id: user.sessionId });
  });

  it('new names, passwords and addresses', async () => {
    const user = await app.signUp();
    const { password } = user;
    const change = (body: object) => app.http.patch('/me').set(user.bearer).send(body).expect(200);
    expect(await queuedBy(() => change({ username: 'quite-another' }))).toEqual(['username.changed']);
    expect(
      await queuedBy(() =>
        post('/me/password', { current_password: password, new_password: 'another battery staple' }, user).expect(204),
      ),
    ).toEqual(['password.changed']);
    const verify = async (email: string) =>
      post('/auth/email/verify', { token: (await mailTo(app, email)).token }, user).expect(204);
    const mail = { password: 'another battery staple' };
    await change({ email: 'first@example.com', ...mail });
    expect(await queuedBy(() => verify('first@example.com'))).toEqual(['email.verified']);
    await change({ email: 'second@example.com', ...mail });
    expect(await queuedBy(() => verify('second@example.com'))).toEqual(['email.changed']);
    await post('/auth/password/forgot', { email: 'second@example.com' }, user).expect(202);
    const { token } = await mailTo(app, 'second@example.com', /password/i);
    expect(
      await queuedBy(() => post('/auth/password/reset', { token, password: 'a third battery staple' }, user)),
    ).toEqual(expect.arrayContaining(['password.reset', 'session.ended']));
  });

  it('what an administrator does to a user', async () => {
    const { userId } = await app.signUp();
    const set = (changes: object) => changeUser(app.deps, userId, changes, {}, 'all');
    expect(await queuedBy(() => set({ roles: ['editor'] }))).toEqual(['roles.changed']);
    expect((await queuedBy(() => set({ disabled: true }))).sort()).toEqual(['session.ended', 'user.disabled']);
    expect(await queuedBy(() => set({ disabled: false }))).toEqual(['user.enabled']);
    expect(await queuedBy(() => deleteUser(app.deps, userId, {}, 'all'))).toEqual(['user.deleted']);
  });

  it('keys and invitations', async () => {
    const service = await createServiceUser(app, ['admin']);
    let key = '';
    expect(await queuedBy(async () => (key = (await makeServiceKey(app, admin, service, ['users:read'])).id))).toEqual([
      'api_key.created',
    ]);
    expect(
      await queuedBy(() => app.http.delete(`/admin/users/${service.id}/api-keys/${key}`).set(admin.bearer).expect(204)),
    ).toEqual(['api_key.revoked']);
    const email = 'invited@example.com';
    expect(await queuedBy(() => post('/admin/invitations', { email }, admin).expect(201))).toEqual([
      'invitation.created',
    ]);
    const { token: invitation } = await mailTo(app, email, /invited/);
    const accept = () => post('/auth/signup', { username: 'newcomer', password: goodPassword, invitation }, admin);
    expect((await queuedBy(() => accept().expect(201))).sort()).toEqual(['invitation.accepted', 'user.created']);
  });

  it('a ping, for one alone, whatever that wants', async () => {
    const [one, other] = [
      await createWebhook(app, admin, { events: ['user.deleted'] }),
      await createWebhook(app, admin),
    ];
    const { body } = await post(`/admin/webhooks/${one.id}/ping`, {}, admin).expect(202);
    expect([await queuedFor(app, one.id), await queuedFor(app, other.id)]).toEqual([['webhook.ping'], []]);
    const [delivery] = await app.deps.db.webhookDelivery.findMany({ where: { webhookId: one.id } });
    expect(delivery?.eventId).toBe(body.event_id);
  });
});

describe('An event', () => {
  it('goes to those that want it, and to no other', async () => {
    const wants = async (events: string[]) => (await createWebhook(app, admin, { events })).id;
    const ids = [await wants(['*']), await wants(['user.created', 'user.deleted']), await wants(['user.deleted'])];
    await app.signUp();
    expect(await Promise.all(ids.map((id) => queuedFor(app, id)))).toEqual([['user.created'], ['user.created'], []]);
  });

  it('is not queued for a webhook that is disabled, and can be pinged by nobody', async () => {
    const { id } = await createWebhook(app, admin);
    await app.http.patch(`/admin/webhooks/${id}`).set(admin.bearer).send({ enabled: false }).expect(200);
    await app.signUp();
    expect(await queuedFor(app, id)).toEqual([]);
    expectProblem(await post(`/admin/webhooks/${id}/ping`, {}, admin), 'webhook_disabled');
  });

  it('of a deed that was rolled back is not queued', async () => {
    const { id } = await createWebhook(app, admin);
    const user = await app.signUp();
    const before = await queuedFor(app, id);
    const deed = app.deps.db.$transaction(async (tx) => {
      await tx.$executeRaw(auditEvent('user.disabled', user.userId, {}));
      throw new Error('the deed failed');
    });
    await expect(deed).rejects.toThrow('the deed failed');
    expectProblem(
      await app.http.post('/auth/signup').send({ username: user.username, password: goodPassword }),
      'username_taken',
    );
    expect(await queuedFor(app, id)).toEqual(before);
  });

  it('is queued for each action of the list, and for no other', async () => {
    const { id } = await createWebhook(app, admin);
    for (const action of auditActions.filter((one) => one !== 'webhook.ping'))
      await app.deps.db.$executeRaw(auditEvent(action, null, {}));
    const queued = await queuedFor(app, id);
    expect(queued.sort()).toEqual(webhookEvents.filter((one) => one !== 'webhook.ping').sort());
  });

  it('of an import is queued only if that was asked for', async () => {
    const { id } = await createWebhook(app, admin);
    const imported = (username: string, events?: boolean) =>
      importUsers(app.deps, readUserLines(lineWith(username)), { ...(events !== undefined && { events }) });
    expect(await imported('imported-1')).toMatchObject({ imported: 1 });
    expect(await queuedFor(app, id)).toEqual([]);
    expect(await imported('imported-2', true)).toMatchObject({ imported: 1 });
    expect(await queuedFor(app, id)).toEqual(['user.created']);
  });

  it('that has an endpoint is recorded as before, and once', async () => {
    await createWebhook(app, admin);
    const { userId } = await app.signUp();
    expect(await app.deps.db.auditEvent.count({ where: { userId } })).toBe(1);
  });

  it('needs no webhook: one that is deleted at that moment stops nobody', async () => {
    const webhooks = await Promise.all(Array.from({ length: 10 }, () => createWebhook(app, admin)));
    const users = Array.from({ length: 10 }, () => app.signUp());
    const gone = webhooks.map(({ id }) => app.http.delete(`/admin/webhooks/${id}`).set(admin.bearer).expect(204));
    await Promise.all([...users, ...gone]);
    expect(await app.deps.db.webhook.count({ where: { url: { not: null } } })).toBe(0);
  });
});

describe('With SIGNUP=verified, somebody is created', () => {
  it('when the address is confirmed, and not while the sign-up waits', async () => {
    const own = await startAppForTest({ SIGNUP: 'verified' });
    const { id } = await createWebhookByDatabase(own);
    const email = 'waits@example.com';
    const body = { username: 'waits', password: goodPassword, email };
    await own.http.post('/auth/signup').send(body).expect(201);
    const { token } = await mailTo(own, email);
    expect(await queuedFor(own, id)).toEqual([]);
    await own.http.post('/auth/email/verify').send({ token }).expect(204);
    expect(await queuedFor(own, id)).toEqual(['user.created', 'email.verified']);
    const events = await own.deps.db.auditEvent.findMany({ orderBy: { id: 'asc' } });
    const user = await own.deps.db.user.findUniqueOrThrow({ where: { emailKey: email } });
    expect(events.map(({ action, userId }) => [action, userId])).toEqual([
      ['user.created', user.id],
      ['email.verified', user.id],
    ]);
  });
});

/** For an app in which nobody can log in yet. */
async function createWebhookByDatabase({ deps }: TestApp) {
  return deps.db.webhook.create({ data: { id: uuidv7(), url: 'https://hooks.example.com/', events: ['*'] } });
}

async function* lineWith(username: string): AsyncGenerator<string> {
  yield JSON.stringify({ username, password_hash: known[0]?.hash });
}
