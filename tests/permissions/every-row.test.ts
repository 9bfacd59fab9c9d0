import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import type { Row } from '../../src/endpoint.js';
import { permissions as allPermissions, permissionsOf } from '../../src/permissions/permissions.js';
import { tokensOf } from '../../src/platform/http/tokens-of-row.js';
import { signClientToken } from '../../src/sessions/access-tokens.js';
import { commitChange } from '../../src/sessions/end.js';
import { endApiKeysOf } from '../../src/sessions/end-api-keys.js';
import { insertApiKey, type MadeKey } from '../support/api-keys.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { ask, guardedRows, withRole } from '../support/rows.js';

const all = allPermissions.map(({ name }) => name);

/** Rows that also work without a token: to them a key is none. */
const isOptional = (row: Row) => row.guard.optional === true;
/** Introspection takes clients too, and refuses in another form: tests/oauth. */
const isForClients = (row: Row) => row.endpoint.form === 'oauth';
const table = guardedRows.filter(({ row }) => !isOptional(row) && !isForClients(row));

let app: TestApp;

beforeAll(async () => {
  app = await startApp({ ACCESS_TOKEN_SOURCES: 'bearer,cookie,query,header:X-Api-Key' });
});
afterAll(() => app.stop());

/** An admin of their own, because some rows end what they are asked with. */
async function admin(): Promise<SignedUp> {
  const user = await withRole(app, await app.signUp(), 'admin');
  const email = `${user.username}@example.com`;
  await app.deps.db.user.update({
    where: { id: user.userId },
    data: { email, emailKey: email, emailVerifiedAt: new Date() },
  });
  return user;
}

async function keyOf(user: SignedUp, scopes = all, expiresAt?: Date): Promise<MadeKey> {
  return insertApiKey(app, user.userId, scopes, expiresAt && { expiresAt });
}

/** The access token that `/oauth/token` would give for a key. */
async function tokenFrom({ id }: MadeKey, { userId }: SignedUp, scopes = all): Promise<string> {
  const user = await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } });
  const subject = { id: userId, roles: user.roles, version: user.version, keyId: id, scope: scopes.join(' '), own: {} };
  return signClientToken(app.deps.keys, app.config.tokens, subject, Math.floor(Date.now() / 1000), 900);
}

async function answerTo(row: Row, header: Record<string, string>, query = '') {
  const { status, body, headers } = await ask(app, row).query(query).set(header);
  return { status, code: body?.code as string | undefined, challenge: headers['www-authenticate'] as string };
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

const takesKeys = (row: Row) => tokensOf(row) === 'any';

/** Refusals of the door; what a row says behind it does not matter here. */
const doors = [
  'unauthenticated',
  'invalid_token',
  'token_expired',
  'token_stale',
  'session_revoked',
  'api_key_revoked',
];
const atTheDoor = (code: string | undefined) =>
  [...doors, 'session_required', 'account_disabled'].includes(code ?? '') ? code : undefined;

async function disable({ userId }: SignedUp, disabled = true): Promise<void> {
  await changeUser(app.deps, userId, { disabled }, {}, 'all');
}

async function revoke({ userId }: SignedUp): Promise<void> {
  await commitChange(app.deps, (tx) => endApiKeysOf(tx, userId, {}));
}

async function remove({ userId }: SignedUp): Promise<void> {
  await deleteUser(app.deps, userId, {}, 'all');
}

describe.each(table)('$name', ({ row }) => {
  const asksFor = row.permission;
  const ifAsked = asksFor === undefined ? () => undefined : it;
  const ifForFew = asksFor === undefined || permissionsOf('person', []).has(asksFor) ? () => undefined : it;
  const ifKeysAreAsked = takesKeys(row) ? ifAsked : () => undefined;
  const expected = (code?: string) => (takesKeys(row) ? code : 'session_required');

  it('opens with the token of a session that has everything', async () => {
    expect(atTheDoor((await answerTo(row, (await admin()).bearer)).code)).toBeUndefined();
  });

  ifAsked('refuses a token whose scope is smaller than its roles, and names what it lacks', async () => {
    const user = await admin();
    const { own, header, claims } = createForger(app, user);
    const scope = all.filter((name) => name !== asksFor).join(' ');
    const answer = await answerTo(row, bearer(own(header, { ...claims, scope })));
    expect(answer).toMatchObject({ status: 403, code: 'forbidden' });
    expect(answer.challenge).toMatch(
      new RegExp(`^Bearer realm="gatelatch", error="insufficient_scope", .*scope="${asksFor}"$`),
    );
  });

  ifForFew('refuses a token whose scope is larger than its roles', async () => {
    const { own, header, claims } = createForger(app, await app.signUp());
    const token = own(header, { ...claims, scope: all.join(' ') });
    expect(await answerTo(row, bearer(token))).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it(`${takesKeys(row) ? 'opens with' : 'refuses'} a key that has everything, and a token made from it`, async () => {
    const user = await admin();
    const key = await keyOf(user);
    for (const header of [key.bearer, { 'X-Api-Key': key.key }, bearer(await tokenFrom(key, user))]) {
      const { status, code } = await answerTo(row, header);
      expect([atTheDoor(code), code === 'forbidden']).toEqual([expected(), false]);
      if (!takesKeys(row)) expect(status).toBe(403);
      // It ended the user, and with it the key.
      if (status === 204) return;
    }
  });

  ifKeysAreAsked('refuses a key, and a token made from it, that lack the permission', async () => {
    const user = await admin();
    const scopes = all.filter((name) => name !== asksFor);
    const key = await keyOf(user, scopes);
    for (const header of [key.bearer, bearer(await tokenFrom(key, user, scopes))]) {
      const answer = await answerTo(row, header);
      expect(answer).toMatchObject({ status: 403, code: 'forbidden' });
      expect(answer.challenge).toContain(`scope="${asksFor}"`);
    }
  });

  it('refuses a key in a cookie, and in the query', async () => {
    const { key } = await keyOf(await admin());
    const origin = { Origin: app.config.tokens.issuer };
    expect(await answerTo(row, { ...origin, Cookie: `access_token=${key}` })).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
    expect(await answerTo(row, {}, `access_token=${key}`)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('refuses a key that has expired, was revoked, or whose owner is disabled or deleted', async () => {
    const expired = await keyOf(await admin(), all, new Date(Date.now() - 1));
    expect(await answerTo(row, expired.bearer)).toMatchObject({ status: 401, code: 'token_expired' });

    for (const [end, status, code] of [
      [revoke, 401, 'api_key_revoked'],
      [remove, 401, 'api_key_revoked'],
      [disable, 403, 'account_disabled'],
    ] as const) {
      const user = await admin();
      const [used, unused] = [await keyOf(user), await keyOf(user)];
      await app.http.get('/welcome').set(used.bearer).expect(200);
      await end(user);
      for (const { bearer: header } of [used, unused])
        expect(await answerTo(row, header)).toMatchObject({ status, code });
    }
  });

  it('refuses a token made from a key that was revoked, or whose owner is disabled or deleted', async () => {
    for (const [end, code] of [
      [revoke, 'session_revoked'],
      [remove, 'session_revoked'],
      [disable, 'token_stale'],
    ] as const) {
      const user = await admin();
      const token = await tokenFrom(await keyOf(user), user);
      await end(user);
      expect(await answerTo(row, bearer(token))).toMatchObject({ status: 401, code });
    }
  });
});

describe('Rows that also work without a token', () => {
  it.each(guardedRows.filter(({ row }) => isOptional(row)))('$name takes no key for one', async ({ row }) => {
    const user = await admin();
    const key = await keyOf(user);
    for (const header of [key.bearer, bearer(await tokenFrom(key, user))])
      expect((await answerTo(row, header)).code).toBe('session_required');
    await app.http.get('/welcome').set(key.bearer).expect(200);
    await app.http.get('/welcome').set(user.bearer).expect(200);
  });
});

describe('A key', () => {
  it('is good again once its owner is enabled again', async () => {
    const user = await admin();
    const key = await keyOf(user);
    await disable(user);
    await app.http.get('/welcome').set(key.bearer).expect(403);
    await disable(user, false);
    await app.http.get('/welcome').set(key.bearer).expect(200);
  });
});
