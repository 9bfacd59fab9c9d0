import { METHODS } from 'node:http';
import type { Response, Test } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, type TestApp } from './support/app.js';
import { createForger, type Forger, forgedTokens } from './support/forged-tokens.js';
import { hostileBodies, json, type Sent, wrongTypesFor } from './support/hostile-bodies.js';
import { form, hostileForms } from './support/hostile-forms.js';
import { expectOAuthError, expectProblem, expectRefusal, expectSoundRefusal } from './support/problem.js';
import {
  ask,
  bodyRows,
  credentialsFor,
  fieldsOf,
  formRows,
  goodBody,
  guardedRows,
  idRows,
  pathOf,
  possibleBody,
  rows,
  userFor,
  withRole,
} from './support/rows.js';

let app: TestApp;
let user: SignedUp;
let forger: Forger;

beforeAll(async () => {
  // The tables below are more requests than one address may send.
  app = await startApp({ RATE_LIMIT: 'off' });
  user = await withRole(app, await app.signUp(), 'admin');
  forger = createForger(app, user);
});
afterAll(() => app.stop());

describe.each(guardedRows)('$name', ({ row }) => {
  const refused = forgedTokens.filter(
    ([, , code]) => row.guard.name !== 'any-access-token' || code !== 'token_expired',
  );

  it('refuses a request without a token, with a plain challenge', async () => {
    const answer = await ask(app, row);
    expectRefusal(row, answer, 'unauthenticated');
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="gatelatch"');
  });

  it.each(refused)('refuses %s', async (_, make, code = 'invalid_token') => {
    const answer = await ask(app, row).set('Authorization', `Bearer ${make(forger)}`);
    expectRefusal(row, answer, code);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="gatelatch", error="invalid_token", error_description="[ !#-[\]-~]+"$/,
    );
  });

  it('accepts a genuine token', async () => {
    const own = await userFor(app, row);
    const { own: sign, header, claims } = createForger(app, own);
    const answer = await sending(
      ask(app, row).set('Authorization', `Bearer ${sign(header, claims)}`),
      row.endpoint.body && (row.endpoint.form ? form(possibleBody(row)) : json(possibleBody(row))),
    );
    // After the guard, the target may not exist, or a password or a fresh sign-in may be needed too.
    const behind = ['not_found', 'invalid_credentials', 'invalid_refresh_token', 'challenge_expired'];
    if (answer.status >= 300) expect([...behind, 'insufficient_user_authentication']).toContain(answer.body.code);
  });
});

describe.each(bodyRows)('The body of $name', ({ row }) => {
  let credentials: Record<string, string>;

  beforeAll(async () => {
    credentials = credentialsFor(row, await userFor(app, row));
  });

  const send = (sent: Sent) => sending(ask(app, row).set(credentials), sent);

  it.each(hostileBodies)('can be %s without causing a 5xx', async (_, make, refusal) => {
    const answer = await send(make(row));
    const code = typeof refusal === 'function' ? refusal(row) : refusal;
    if (code) expectProblem(answer, code);
    else expectNoFailure(answer);
    expect({}).not.toHaveProperty('polluted');
  });

  it.each(fieldsOf(row))('accepts only the right type in %s, and names the field in the refusal', async (field) => {
    for (const wrong of wrongTypesFor(goodBody(row)[field])) {
      const answer = await send(json({ ...goodBody(row), [field]: wrong }));
      expectProblem(answer, 'validation_failed');
      expect(answer.body.errors.map(({ path }: { path: string }) => path.split('.')[0])).toContain(field);
    }
  });

  it.each(fieldsOf(row))('is refused with an unknown field next to %s, which is named', async (field) => {
    const answer = await send(json({ ...goodBody(row), [`${field}X`]: 'x' }));
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors).toContainEqual({ path: `${field}X`, message: 'Not a field of this request.' });
  });

  it.each(fieldsOf(row))('can have any text in %s without causing a 5xx', async (field) => {
    const texts = [
      '',
      '\0',
      'a\0b',
      '\ud800',
      '\udc00\ud800',
      '\u{FFFF}',
      '\r\nX: y',
      "' OR 1=1 --",
      '{{7*7}}',
      'x'.repeat(60_000),
    ];
    for (const text of texts) expectNoFailure(await send(json({ ...goodBody(row), [field]: text })));
  });

  it.each(fieldsOf(row))('is the only place for %s: in the query it is refused', async (field) => {
    const secret = 'never-in-a-query';
    for (const query of [`${field}=${secret}`, `a=b&${field}=`, `${encodeURIComponent(field)}=${secret}&${field}=`]) {
      const answer = await sending(ask(app, row, `${pathOf(row)}?${query}`).set(credentials), json(goodBody(row)));
      expectProblem(answer, 'invalid_request');
      expect(answer.body.detail).toContain(field);
      expect(JSON.stringify([answer.body, app.logs])).not.toContain(secret);
    }
  });
});

describe.each(formRows)('The form of $name', ({ row }) => {
  let credentials: Record<string, string>;

  beforeAll(async () => {
    credentials = credentialsFor(row, await userFor(app, row));
  });

  const send = (sent: Sent) => sending(ask(app, row).set(credentials), sent);

  it.each(hostileForms)('can be %s without causing a 5xx', async (_, make, status) => {
    const answer = await send(make(row));
    if (status) expectOAuthError(answer, status, 'invalid_request');
    else expect(answer.status).toBeLessThan(500);
    expect({}).not.toHaveProperty('polluted');
  });

  it.each(fieldsOf(row))('can have any text in %s without causing a 5xx', async (field) => {
    for (const text of ['\0', 'a\0b', '\u{FFFF}', '\r\nX: y', "' OR 1=1 --", '{{7*7}}', 'x'.repeat(60_000)])
      expect((await send(form({ ...goodBody(row), [field]: text }))).status).toBeLessThan(500);
  });

  it.each(fieldsOf(row))('is the only place for %s: in the query it is refused', async (field) => {
    const secret = 'never-in-a-query';
    const answer = await sending(
      ask(app, row, `${pathOf(row)}?${field}=${secret}`).set(credentials),
      form(goodBody(row)),
    );
    expectOAuthError(answer, 400, 'invalid_request');
    expect(JSON.stringify([answer.body, app.logs])).not.toContain(secret);
  });
});

describe.each([...new Set(rows.map(({ row }) => row.path))])('%s', (path) => {
  const taken = rows
    .filter(({ row }) => row.path === path)
    .flatMap(({ row }) => (row.method === 'GET' ? ['GET', 'HEAD'] : [row.method]));
  // CONNECT asks a proxy for a tunnel and never reaches an application.
  const others = METHODS.filter((method) => !['CONNECT', 'OPTIONS', ...taken].includes(method));
  const asked = (method: string) =>
    app.http[method.toLowerCase() as 'get'](pathOf({ path } as never)).set(user.bearer) as Test;

  it(`accepts ${taken.join(', ')}, and answers every other method with 405 and an Allow header`, async () => {
    for (const method of others) {
      const answer = await asked(method);
      expect(answer.status, method).toBe(405);
      expectSoundRefusal(answer, { head: method === 'HEAD' });
      expect(answer.headers.allow?.split(', ').sort()).toEqual([...taken, 'OPTIONS'].sort());
    }
  });

  it('answers OPTIONS with an Allow header', async () => {
    const answer = await asked('OPTIONS').expect(204);
    expect(answer.headers.allow?.split(', ').sort()).toEqual([...taken, 'OPTIONS'].sort());
  });
});

describe('An unknown path gets 404', () => {
  it.each([
    '/nothing',
    '/auth',
    '/WELCOME',
    '/welcome/x',
    '/todos/1/2',
    '//welcome',
    '/%',
    '/%ff',
    '/%00',
    '/..%2fwelcome',
    '/__proto__',
  ])('%s', async (path) => {
    for (const method of ['get', 'post', 'delete'] as const)
      expectProblem(await app.http[method](path).set(user.bearer), 'not_found');
  });

  it.each(idRows)('$name with an invalid id', async ({ row }) => {
    const ids = ['1', 'me', 'null', '%00', '%', '%ff', '..%2f..', "'%20OR%201=1--", '__proto__', 'x'.repeat(9000)];
    ids.push('01890a5d-ac96-774b-bcce-b302099a805', '01890a5d-ac96-774b-bcce-b302099a8057x');
    for (const id of ids) {
      const answer = await sending(
        ask(app, row, pathOf(row, id)).set(user.bearer),
        row.endpoint.body && json(goodBody(row)),
      );
      expectProblem(answer, 'not_found');
    }
  });
});

describe('Every row', () => {
  it.each(rows)('$name answers HEAD like GET but without a body, and never fails', async ({ row }) => {
    if (row.endpoint.form) return expect((await ask(app, row)).status).toBeLessThan(500);
    if (row.method !== 'GET') return expectNoFailure(await ask(app, row));
    const credentials = credentialsFor(row, user);
    const get = await ask(app, row).set(credentials);
    const head = await app.http.head(pathOf(row)).set(credentials);
    expect(head.status).toBe(get.status);
    expect(head.text ?? '').toBe('');
  });
});

/** Sends the bytes as they are; supertest would turn them into JSON again. */
function sending(test: Test, sent: Sent | undefined): Test {
  if (!sent) return test;
  test.set(sent.headers);
  return sent.bytes ? test.serialize((bytes: string) => bytes).send(sent.bytes as never) : test;
}

function expectNoFailure(answer: Response): void {
  expect(answer.status).toBeLessThan(500);
  if (answer.status >= 300) expectSoundRefusal(answer);
}
