import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invite } from '../src/invitations/invite.js';
import { insertPasskeys } from './second-factor/passkey-rows.js';
import { altered } from './support/altered.js';
import { createServiceUser, insertApiKey, makeKey } from './support/api-keys.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from './support/app.js';
import { createAuthenticator } from './support/authenticator.js';
import { mailTo, outboxEmpty } from './support/mails.js';
import { addPasskey, answerOf, creationOptions } from './support/passkeys.js';
import { begin, externalCode, redirectUri, visit } from './support/pretended-providers/go-round.js';
import { type OpenIdProvider, startOpenIdProvider } from './support/pretended-providers/openid.js';
import { ask, credentialsFor, goodBody, pathOf, rows, withRole } from './support/rows.js';
import { addTotp, codeOf } from './support/second-factor.js';
import { countedStatements } from './support/statements.js';
import { createWebhook, deleteWebhooks, holdDeliveries } from './support/webhooks.js';

/** The budgets of the docs, on a server whose memory is up to date. BEGIN and COMMIT are not counted. */
describe('the number of statements', () => {
  let app: TestApp;
  let user: SignedUp;
  let corp: OpenIdProvider;
  let release: () => Promise<void>;
  beforeAll(async () => {
    corp = await startOpenIdProvider();
    const settings = {
      ...corp.settings,
      PASSKEY_ORIGINS: 'https://example.de',
      PASSKEY_APPS: `ios:ABCDE12345.com.example.app,android:com.example.app:${'AB'.repeat(32)}`,
    };
    // Handlers of events run at any time.
    app = await startApp(settings, { own: { on: {} } });
    user = await app.signUp();
    release = await holdDeliveries(app);
  });
  afterAll(async () => {
    await release();
    await app.stop();
    await corp.server.goAway();
  });

  const counted = (work: () => PromiseLike<{ status: number }>) => countedStatements(app, work);
  const refresh = (token: string) => app.http.post('/auth/refresh').send({ refresh_token: token });

  it('for checking an access token is none, the first time and later', async () => {
    for (let time = 0; time < 3; time++)
      expect(await counted(() => app.http.get('/welcome').set(user.bearer))).toEqual([200, 0]);
  });

  it('for refusing an access token is none', async () => {
    const ended = await app.signUp();
    await app.http.post('/auth/logout').set(ended.bearer);
    for (let time = 0; time < 2; time++)
      expect(await counted(() => app.http.get('/welcome').set(ended.bearer))).toEqual([401, 0]);
    const forged = `${user.accessToken.slice(0, -6)}AAAAAA`;
    expect(await counted(() => app.http.get('/welcome').set('Authorization', `Bearer ${forged}`))).toEqual([401, 0]);
  });

  it('for GET /me is one', async () => {
    expect(await counted(() => app.http.get('/me').set(user.bearer))).toEqual([200, 1]);
  });

  it('for a refresh is one, also within the grace period', async () => {
    const { refreshToken } = await app.signUp();
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
  });

  it('for a forged refresh token is none', async () => {
    expect(await counted(() => refresh(altered(user.refreshToken)))).toEqual([401, 0]);
  });

  it('for a login is at most three', async () => {
    const [status, count] = await counted(() =>
      app.http.post('/auth/login').send({ username: user.username, password: goodPassword }),
    );
    expect(status).toBe(200);
    expect(count).toBeLessThanOrEqual(3);
  });

  it('for a login with a second factor is at most three in one call, and in each of two', async () => {
    const own = await app.signUp();
    const { secret } = await addTotp(app, own);
    const begin = (more: object) =>
      app.http.post('/auth/login').send({ username: own.username, password: goodPassword, ...more });
    const [status, count] = await counted(() => begin({}));
    expect([status, count <= 3]).toEqual([403, true]);
    const code = codeOf(secret);
    const [, inOne] = await counted(() => begin({ code, remember_device: true }).expect(200));
    expect(inOne).toBeLessThanOrEqual(3);
  });

  it('for a sign-up is one', async () => {
    const body = { username: 'newcomer-2', password: goodPassword, email: 'newcomer-2@example.com' };
    expect(await counted(() => app.http.post('/auth/signup').send(body))).toEqual([201, 1]);
  });

  it('for a made-up invitation is one, and no hash', async () => {
    await outboxEmpty(app);
    const body = { username: 'newcomer-3', password: goodPassword, invitation: 'Qx'.repeat(21) };
    expect(await counted(() => app.http.post('/auth/signup').send(body))).toEqual([400, 1]);
  });

  it('for a token for a key is one', async () => {
    const { key } = await insertApiKey(app, user.userId, ['todos:read']);
    const fields = { grant_type: 'client_credentials', client_id: user.userId, client_secret: key };
    for (let time = 0; time < 2; time++)
      expect(await counted(() => app.http.post('/oauth/token').type('form').send(fields))).toEqual([200, 1]);
  });

  it('for introspecting an access token, or a key that the instance knows, is none', async () => {
    const asker = await withRole(app, await app.signUp(), 'admin');
    const { key } = await insertApiKey(app, asker.userId, ['tokens:introspect']);
    const introspect = (token: string) =>
      app.http.post('/oauth/introspect').set('Authorization', `Bearer ${key}`).type('form').send({ token });
    expect(await counted(() => introspect(user.accessToken))).toEqual([200, 1]);
    for (const token of [user.accessToken, key, user.refreshToken])
      expect(await counted(() => introspect(token))).toEqual([200, 0]);
  });

  it('for a logout is one', async () => {
    const { bearer } = await app.signUp();
    expect(await counted(() => app.http.post('/auth/logout').set(bearer))).toEqual([204, 1]);
  });

  describe('of a good request are at most as many as its row says:', () => {
    /** What a row needs besides a token and the example of its body; each user is new, and an admin. */
    const needs: Record<
      string,
      (
        own: SignedUp,
      ) => Promise<{ body?: object; id?: string; bearer?: SignedUp['bearer']; path?: string; form?: object }>
    > = {
      'POST /auth/signup': async () => {
        const email = 'newcomer@example.com';
        await invited(email);
        const { token } = await mailTo(app, email, /invited/);
        return { body: { username: 'newcomer', password: goodPassword, invitation: token } };
      },
      'POST /auth/login': async ({ username }) => ({ body: { username, password: goodPassword } }),
      'POST /auth/login/second-factor': async (own) => {
        const { username } = own;
        await verifyAddress(username);
        const { secret } = await addTotp(app, own);
        const begun = await app.http.post('/auth/login').send({ username, password: goodPassword }).expect(403);
        return { body: { login_token: begun.body.login_token, code: codeOf(secret), remember_device: true } };
      },
      'POST /auth/reauthenticate': async (own) => {
        await verifyAddress(own.username);
        const { secret, bearer } = await addTotp(app, own);
        return { body: { password: goodPassword, code: codeOf(secret) }, bearer };
      },
      'POST /auth/refresh': async ({ refreshToken }) => ({ body: { refresh_token: refreshToken } }),
      'POST /auth/logout': async () => ({ body: {} }),
      'POST /auth/email/resend': async () => ({ body: {} }),
      'POST /auth/password/forgot': async () => ({ body: { email: 'nobody@example.com' } }),
      'POST /auth/password/reset': async ({ username }) => {
        await app.http.post('/auth/password/forgot').send({ email: addressOf(username) });
        const { token } = await mailTo(app, addressOf(username), /password/);
        return { body: { token, password: 'another horse battery staple' } };
      },
      'POST /auth/email/verify': async ({ username }) => {
        const { token } = await mailTo(app, addressOf(username), /Confirm/);
        return { body: { token } };
      },
      'DELETE /auth/sessions/{id}': async ({ username }) => ({ id: (await logIn(username)).session_id }),
      'PATCH /me': async ({ username }) => ({
        body: { username: `${username}-2`, email: `2-${addressOf(username)}`, password: goodPassword },
      }),
      'DELETE /me': async () => ({ body: { password: goodPassword } }),
      'POST /me/password': async () => ({
        body: { current_password: goodPassword, new_password: 'another horse battery staple' },
      }),
      'POST /auth/login/passkey': async (own) => {
        await verifyAddress(own.username);
        const { authenticator } = await addPasskey(app, own);
        return { body: { passkey: await answerOf(app, authenticator) } };
      },
      'POST /me/passkeys/options': async ({ username }) => {
        await verifyAddress(username);
        return { body: { password: goodPassword } };
      },
      'POST /me/passkeys': async (own) => {
        await verifyAddress(own.username);
        return { body: { passkey: createAuthenticator().create(await creationOptions(app, own)) } };
      },
      'PATCH /me/passkeys/{id}': async (own) => ({ ...(await withPasskey(own)), body: { name: 'Another laptop' } }),
      'DELETE /me/passkeys/{id}': async (own) => ({ ...(await withPasskey(own)), body: { password: goodPassword } }),
      'POST /auth/external': async () => ({
        body: { provider: 'corp', redirect_uri: redirectUri, code_challenge: 'A'.repeat(43), state: 'mine' },
      }),
      'GET /auth/callback/{provider}': async () => {
        const { path, parameters } = await visit(app, corp, (await begin(app, corp)).url);
        return { path: `${path}?${new URLSearchParams(parameters)}` };
      },
      'POST /auth/callback/{provider}': async () => {
        const { path, parameters } = await visit(app, corp, (await begin(app, corp)).url);
        return { path, form: parameters };
      },
      'POST /auth/external/token': async () => ({ body: await externalCode(app, corp) }),
      'POST /me/identities': async (own) => {
        await verifyAddress(own.username);
        corp.person = { sub: own.userId };
        return { body: { ...(await externalCode(app, corp)), password: goodPassword } };
      },
      'DELETE /me/identities/{id}': async (own) => {
        await verifyAddress(own.username);
        corp.person = { sub: own.userId };
        const body = { ...(await externalCode(app, corp)), password: goodPassword };
        const linked = await app.http.post('/me/identities').set(own.bearer).send(body).expect(201);
        return { id: linked.body.id, body: { password: goodPassword } };
      },
      'PATCH /me/sign-in-methods': async (own) => ({ ...(await withTotp(own)), body: { second_factor: 'off' } }),
      'POST /me/totp': async ({ username }) => {
        await verifyAddress(username);
        return { body: { password: goodPassword } };
      },
      'POST /me/totp/{id}/confirm': async (own) => {
        await verifyAddress(own.username);
        const { body } = await app.http.post('/me/totp').set(own.bearer).send({ password: goodPassword });
        return { id: body.id, body: { code: codeOf(body.secret) } };
      },
      'PATCH /me/totp/{id}': async (own) => ({ ...(await withTotp(own)), body: { name: 'Another phone' } }),
      'DELETE /me/totp/{id}': async (own) => ({ ...(await withTotp(own)), body: {} }),
      'POST /me/recovery-codes': async (own) => ({ ...(await withTotp(own)), body: {} }),
      'DELETE /me/password': async (own) => {
        await insertPasskeys(app, own.userId, 1);
        return { ...(await withTotp(own)), body: {} };
      },
      'POST /oauth/token': async ({ userId }) => {
        const { key } = await insertApiKey(app, userId, ['todos:read']);
        return { form: { grant_type: 'client_credentials', client_id: userId, client_secret: key } };
      },
      'POST /oauth/introspect': async ({ accessToken }) => ({ form: { token: accessToken } }),
      'POST /oauth/revoke': async ({ userId }) => ({ form: { token: (await insertApiKey(app, userId, [])).key } }),
      'POST /me/api-keys': async () => ({
        body: { name: 'Nightly backup', scopes: ['users:read'], password: goodPassword },
      }),
      'DELETE /me/api-keys/{id}': async (own) => ({ id: (await makeKey(app, own)).id }),
      'GET /todos/{id}': todo,
      'PATCH /todos/{id}': todo,
      'DELETE /todos/{id}': todo,
      'POST /admin/users': async () => ({ body: { kind: 'service', username: 'machine', roles: ['editor'] } }),
      'DELETE /admin/invitations/{id}': async () => ({ id: (await invited('ended@example.com')).id }),
      'GET /admin/users/{id}': other,
      'PATCH /admin/users/{id}': async () => ({ ...(await other()), body: { roles: ['editor'], disabled: true } }),
      'DELETE /admin/users/{id}': other,
      'GET /admin/users/{id}/sessions': other,
      'GET /admin/users/{id}/api-keys': other,
      'POST /admin/users/{id}/api-keys': async () => ({
        id: (await createServiceUser(app, ['user'])).id,
        body: { name: 'Nightly backup', scopes: ['todos:read'] },
      }),
      'DELETE /admin/users/{id}/api-keys/{key_id}': async () => {
        const one = await app.signUp();
        return { path: `/admin/users/${one.userId}/api-keys/${(await makeKey(app, one)).id}` };
      },
      'GET /admin/webhooks/{id}': webhook,
      'PATCH /admin/webhooks/{id}': async (own) => ({
        ...(await webhook(own)),
        body: { events: ['*'], enabled: false },
      }),
      'DELETE /admin/webhooks/{id}': webhook,
      'POST /admin/webhooks/{id}/rotate-secret': webhook,
      'POST /admin/webhooks/{id}/ping': webhook,
      'GET /admin/webhooks/{id}/deliveries': webhook,
      'POST /admin/webhooks/{id}/deliveries/{event_id}/retry': async (own) => {
        const { id } = await webhook(own);
        const { body } = await app.http.post(`/admin/webhooks/${id}/ping`).set(own.bearer).expect(202);
        return { path: `/admin/webhooks/${id}/deliveries/${body.event_id}/retry` };
      },
      'POST /admin/users/{id}/logout': other,
      'GET /admin/users/{id}/sign-in-methods': other,
      'DELETE /admin/users/{id}/second-factors': async () => ({
        ...(await other()),
        body: { password: goodPassword },
      }),
    };
    const addressOf = (username: string) => `${username}@example.com`;

    async function verifyAddress(username: string): Promise<void> {
      const { token } = await mailTo(app, addressOf(username), /Confirm/);
      await app.http.post('/auth/email/verify').send({ token }).expect(204);
    }
    async function withTotp(own: SignedUp) {
      await verifyAddress(own.username);
      return addTotp(app, own);
    }
    async function withPasskey(own: SignedUp) {
      await verifyAddress(own.username);
      return { id: (await addPasskey(app, own)).id };
    }
    async function todo(own: SignedUp) {
      const { body } = await app.http.post('/todos').set(own.bearer).send({ title: 'Count' });
      return { id: body.id as string, body: { completed: true } };
    }
    async function invited(email: string) {
      return invite(app.deps, { email, roles: [] }, {}, 'all');
    }
    /** The other webhooks go, because there may be 20. It wants nothing that happens here: sending costs statements. */
    async function webhook(own: SignedUp) {
      await deleteWebhooks(app);
      return { id: (await createWebhook(app, own, { events: ['invitation.accepted'] })).id };
    }
    async function other() {
      return { id: (await app.signUp()).userId };
    }
    async function logIn(username: string): Promise<{ session_id: string }> {
      return (await app.http.post('/auth/login').send({ username, password: goodPassword })).body;
    }

    let people = 0;
    const counting = rows.filter(({ row }) => row.endpoint.statements !== undefined);
    it.each(counting)('$name', async ({ name, row }) => {
      const username = `counted-${++people}`;
      // Two admins at least, so that one may go.
      const admin = await withRole(app, await app.signUp({ username, email: addressOf(username) }), 'admin');
      const { body, id, bearer, path = pathOf(row, id), form } = (await needs[name]?.(admin)) ?? {};
      await outboxEmpty(app);
      const request = () => ask(app, row, path).set(bearer ?? credentialsFor(row, admin));
      const sent = form ?? (row.endpoint.body && (body ?? goodBody(row)));
      const asked = () => (form ? request().type('form') : request());
      const [status, count] = await counted(() => (sent ? asked().send(sent) : asked()));
      expect(status, name).toBeLessThan(400);
      expect(count, app.statements.join('\n')).toBeLessThanOrEqual(row.endpoint.statements ?? 0);
    });
  });
});
