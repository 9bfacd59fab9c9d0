import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { changeUser } from '../../src/admin/user-changes.js';
import { endpoint, endpointFor, GET, type Row } from '../../src/endpoint.js';
import type { AppError } from '../../src/errors.js';
import * as guards from '../../src/guards.js';
import { type AccessClaims, signAccessToken } from '../../src/sessions/access-tokens.js';
import { type Acr, acrValues } from '../../src/sessions/authentication.js';
import { tokenResponseSchema } from '../../src/sessions/token-reply.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { ask, rows } from '../support/rows.js';
import { serveRows } from '../support/rows-app.js';

/** Rows that REQUIRED_ACR must not close: who lacks what it asks for sees where they stand, and adds it. */
const spared = [
  'POST /auth/reauthenticate',
  'GET /auth/sessions',
  'GET /me',
  'GET /me/sign-in-methods',
  'POST /me/totp',
  'POST /me/totp/{id}/confirm',
  'POST /me/passkeys/options',
  'POST /me/passkeys',
];

/** Its handler asks for a sign-in within FRESH_AUTH_MAX_AGE, in seconds. Others that do look at what is sent first. */
const asksForFresh = 'POST /admin/webhooks/{id}/rotate-secret';
const freshFor = 900;

const show = endpoint({
  name: 'own',
  summary: 'Its own',
  reply: [200, z.object({ open: z.boolean() })],
  handler: () => ({ body: { open: true } }),
});
const showToAll = endpointFor<AccessClaims | AppError>()(show as never);

/** Rows of one's own, with every guard whose principal is, or may be, the claims of a token. */
const ownRows = Object.entries(guards).flatMap(([name, guard]) =>
  typeof guard !== 'object' || !('hasClaims' in guard)
    ? []
    : [{}, { acr: 'aal2' }, { maxAge: 300 }, { acr: 'phr', maxAge: 300 }].map((asks, i) => {
        const row = GET(`/own/${name}/${i}`, { guard, ...asks } as { guard: typeof guards.anyAccessToken }, showToAll);
        return { name: `GET ${row.path}`, row };
      }),
);

const withToken = [...ownRows, ...rows.filter(({ row }) => row.guard.hasClaims)];
/** They end the session, so they are asked last. */
const ending = ['POST /auth/logout-all', 'POST /auth/logout'];
const inOrder = withToken.toSorted((a, b) => ending.indexOf(a.name) - ending.indexOf(b.name));

const hour = 3_600_000;

async function tokenOf({ deps }: TestApp, user: SignedUp, acr: Acr, age: number): Promise<string> {
  const { roles, version, epoch, id } = await deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
  const authTime = new Date(Date.now() - age);
  const subject = { id, roles, version, epoch, sessionId: user.sessionId, acr, amr: ['pwd'], authTime, own: {} };
  return signAccessToken(deps.keys, deps.config.tokens, subject, Math.floor(Date.now() / 1000));
}

async function admin(app: TestApp): Promise<SignedUp> {
  const user = await app.signUp();
  await changeUser(app.deps, user.userId, { roles: ['admin'] }, {}, 'all');
  return user;
}

async function withVerifiedEmail({ deps }: TestApp, { userId, username }: SignedUp): Promise<void> {
  const email = `${username}@example.com`;
  await deps.db.user.update({ where: { id: userId }, data: { email, emailKey: email, emailVerifiedAt: new Date() } });
}

function asked(row: Row, name: string, required: Acr): Acr {
  if (spared.includes(name)) return 'aal1';
  const own = (row.acr ?? 'aal1') as Acr;
  if (row.guard.optional) return own;
  return acrValues.indexOf(own) > acrValues.indexOf(required) ? own : required;
}

describe.each(acrValues)('With REQUIRED_ACR=%s,', (required) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ REQUIRED_ACR: required });
  });
  afterAll(() => app.stop());

  it.each(acrValues.flatMap((acr) => [0, 2 * hour].map((age) => ({ acr, age }))))(
    'a token of $acr, $age ms after the sign-in, opens exactly the rows that ask for no more',
    { timeout: 60_000 },
    async ({ acr, age }) => {
      const user = await admin(app);
      await withVerifiedEmail(app, user);
      const token = await tokenOf(app, user, acr, age);
      const own = await serveRows(
        app,
        ownRows.map(({ row }) => row),
      );
      for (const { name, row } of inOrder) {
        const { status, body, headers } = await ask(name.includes('/own/') ? { http: own } : app, row).set(
          'Authorization',
          `Bearer ${token}`,
        );
        const least = asked(row, name, required);
        const isTooWeak = acrValues.indexOf(acr) < acrValues.indexOf(least);
        const byHandler = !isTooWeak && name === asksForFresh;
        const [demanded, maxAge] = byHandler ? (['aal1', freshFor] as const) : [least, row.maxAge];
        const isRefused = isTooWeak || (maxAge !== undefined && age > maxAge * 1000);
        // Some rows answer in the form of OAuth, which has no code.
        const challenge = headers['www-authenticate'] ?? '';
        const says = challenge.includes('error="insufficient_user_authentication"');
        expect([name, says]).toEqual([name, isRefused]);
        expect([name, status]).not.toEqual([name, 500]);
        if (isRefused)
          expect([name, challenge]).toEqual([
            name,
            expect.stringMatching(demanded === 'aal1' ? `max_age="${maxAge}"` : `acr_values="${demanded}"`),
          ]);
        if (isRefused && row.endpoint.form === undefined)
          expect([name, body.code, body.acr_values ?? 'aal1', body.max_age]).toEqual([
            name,
            'insufficient_user_authentication',
            demanded,
            maxAge,
          ]);
      }
    },
  );
});

describe('Rows that ask for a proof', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const password = goodPassword;
  const bodies: Record<string, object> = {
    'PATCH /me/sign-in-methods': { second_factor: 'any', password },
    'POST /me/totp': { password },
    'POST /me/passkeys/options': { password },
    'DELETE /me/totp/{id}': { password },
    'DELETE /me/passkeys/{id}': { password },
    'POST /me/recovery-codes': { password },
    'DELETE /me/password': { password },
    'POST /me/password': { current_password: password, new_password: 'another horse battery staple' },
    'PATCH /me': { email: 'next@example.com', password },
    'DELETE /me': { password },
    'DELETE /admin/users/{id}/second-factors': { password },
  };

  it.each(Object.entries(bodies))(
    '%s: with the second factor on, a token of one factor or of long ago does not do, whatever the password',
    async (name, body) => {
      const { row } = rows.find((one) => one.name === name) as (typeof rows)[0];
      const user = await admin(app);
      await app.deps.db.user.update({ where: { id: user.userId }, data: { secondFactor: 'any' } });
      const send = (token: string) => ask(app, row).set('Authorization', `Bearer ${token}`).send(body);
      for (const [acr, age] of [
        ['aal1', 0],
        ['aal2', hour],
        ['phr', hour],
      ] as [Acr, number][]) {
        const answer = await send(await tokenOf(app, user, acr, age));
        expectProblem(answer, 'insufficient_user_authentication');
        expect(answer.body).toMatchObject({ acr_values: 'aal2', max_age: 900 });
      }
      const fresh = await send(await tokenOf(app, user, 'aal2', 0));
      expect(fresh.body?.code).not.toBe('insufficient_user_authentication');
    },
  );
});

describe('Tokens', () => {
  it('are given by these rows alone', () => {
    const hasTokens = (schema: unknown) =>
      schema === tokenResponseSchema ||
      (schema instanceof z.ZodUnion && schema.options.some((option) => option === tokenResponseSchema));
    const giving = rows.filter(({ row }) => hasTokens(row.endpoint.reply[1])).map(({ name }) => name);
    expect(giving.sort()).toEqual([
      'POST /auth/login',
      'POST /auth/login/passkey',
      'POST /auth/login/second-factor',
      'POST /auth/refresh',
      'POST /auth/signup',
    ]);
  });
});
