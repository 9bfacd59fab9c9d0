import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contractEndpoint } from '../../src/docs/endpoints.js';
import { mailLimit } from '../../src/email/limits.js';
import { endpoint, GET, POST, type Row } from '../../src/endpoint.js';
import { type ErrorCode, errorCatalogue } from '../../src/errors.js';
import { open, verifiedEmail } from '../../src/guards.js';
import { ownRoutes } from '../../src/own/routes.js';
import { permissions } from '../../src/permissions/permissions.js';
import { tokensOf } from '../../src/platform/http/tokens-of-row.js';
import { routes } from '../../src/routes.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { schemaViolations } from '../support/contract.js';
import { serveRows } from '../support/rows-app.js';

// biome-ignore lint/suspicious/noExplicitAny: a document is read by its paths.
type Json = any;

// What receivers may rely on: a name stays what it is.
const sentNames = [
  'user.created',
  'user.deleted',
  'user.disabled',
  'user.enabled',
  'username.changed',
  'email.changed',
  'email.verified',
  'roles.changed',
  'password.changed',
  'password.reset',
  'login.succeeded',
  'session.ended',
  'refresh.reused',
  'api_key.created',
  'api_key.revoked',
  'invitation.created',
  'invitation.accepted',
  'webhook.ping',
];

let app: TestApp;
let contract: Json;
beforeAll(async () => {
  app = await startApp();
  contract = (await app.http.get('/openapi.json').expect(200)).body;
});
afterAll(() => app.stop());

const operations = (document = contract): [line: string, operation: Json][] =>
  Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]): [string, Json] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

describe('The contract', () => {
  it('is a valid OpenAPI 3.1 document in JSON, without a login', async () => {
    const { headers, body } = await app.http.get('/openapi.json').expect(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(await new Validator().validate(body)).toEqual({ valid: true });
    expect(body.openapi).toMatch(/^3\.1\./);
  });

  it('has every row of the route table, and nothing else', () => {
    expect(
      operations()
        .map(([line]) => line)
        .sort(),
    ).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('gives each operation a tag, a summary and a unique name', () => {
    const names = operations().map(([, { operationId }]) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const [line, { operationId, summary, tags }] of operations()) {
      expect([operationId, summary], line).toEqual([
        expect.stringMatching(/^[a-z][A-Za-z]+$/),
        expect.stringMatching(/./),
      ]);
      expect(contract.tags).toContainEqual({ name: tags[0] });
    }
  });

  it('says for each success what comes back, not what was asked', () => {
    const own = ownRoutes.map(({ method, path }) => `${method} ${path}`);
    const told = new Map<string, string>();
    for (const [line, { responses, summary }] of operations())
      for (const [status, { description }] of Object.entries<Json>(responses))
        if (/^[23]/.test(status)) {
          expect(description, line).toMatch(/^[A-Z].*\.$/);
          expect(description, line).not.toMatch(/as asked/i);
          // Your own rows may leave it out.
          if (!own.includes(line)) expect(description, line).not.toBe(`${summary}.`);
          told.set(line, description);
        }
    expect(told.size).toBe(routes.length);
    expect(told.get('POST /todos')).toBe('The new todo.');
  });

  it('lists every refusal of the catalogue with its status and an example', () => {
    for (const [code, { status }] of Object.entries(errorCatalogue)) {
      const told = Object.entries<Json>(contract.components.responses).filter(
        ([, { content }]) => code in content['application/problem+json'].examples,
      );
      // No operation has a method that its own path refuses.
      if (code !== 'method_not_allowed') expect(told.length, code).toBeGreaterThan(0);
      expect(told.filter(([id]) => !id.startsWith(`${status}_`) && !id.startsWith('408_'))).toEqual([]);
      expect(contract.components.examples[code].value).toMatchObject({ status });
    }
  });

  it('has every event that webhooks send, with an example of its own type and the headers to check it by', () => {
    expect(Object.keys(contract.webhooks)).toEqual(sentNames);
    for (const [name, { post }] of Object.entries<Json>(contract.webhooks)) {
      expect(post.requestBody.content['application/json'].example.type).toBe(name);
      expect(post.parameters.map((header: Json) => [header.in, header.name])).toEqual(
        ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((header) => ['header', header]),
      );
    }
  });

  it('has only examples that match their schemas', () => {
    const examples = [...mediaTypes(contract, [])].filter(([, { example }]) => example !== undefined);
    expect(examples.length).toBeGreaterThan(30);
    for (const [at, { example }] of examples)
      expect(schemaViolations([...at, 'schema'], JSON.stringify(example)), at.join(' ')).toEqual([]);
    for (const { value } of Object.values<Json>(contract.components.examples))
      expect(schemaViolations(['components', 'schemas', 'Problem'], JSON.stringify(value))).toEqual([]);
  });

  it('has no schema that allows unknown properties by mistake', () => {
    const forms = operations().map(([, { requestBody }]) => requestBody?.content['application/x-www-form-urlencoded']);
    // Of a form, unknown parameters are ignored (RFC 6749 §3.2).
    const ofForms = forms.map((form) => form?.schema.$ref?.split('/').pop());
    expect(openObjects(contract.components.schemas, []).filter((name) => !ofForms.includes(name))).toEqual([]);
    expect(openObjects(contract.paths, [])).toEqual([]);
    expect(openObjects(contract.webhooks, [])).toEqual([]);
  });

  it('is the same on the command line and on the server, each time', async () => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const run = async (script: string) => (await promisify(execFile)(process.execPath, [script], { cwd })).stdout;
    await run('scripts/build.mjs');
    const printed = await run('scripts/write-openapi.mjs');
    expect(JSON.parse(printed)).toEqual(contract);
    expect(await run('scripts/write-openapi.mjs')).toBe(printed);
  });
});

describe('The security of an operation', () => {
  it('is stated for every row', () => {
    const security = Object.fromEntries(operations().map(([line, operation]) => [line, operation.security]));
    expect(security).toMatchObject({
      'POST /auth/login': [],
      'GET /welcome': [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
      'GET /me': [{ bearer: ['profile:read'] }, { cookie: ['profile:read'] }, { apiKey: ['profile:read'] }],
      'DELETE /me': [{ bearer: [] }, { cookie: [] }],
      'POST /auth/email/resend': [{ bearer: [] }, { cookie: [] }, {}],
      'POST /auth/refresh': [{ refreshCookie: [] }, {}],
      'POST /auth/logout': [{ bearer: [] }, { cookie: [] }, { refreshCookie: [] }, {}],
    });
  });

  it('follows the sources that are on and the names of the cookies', async () => {
    const own = await startAppForTest({ ACCESS_TOKEN_SOURCES: 'cookie,query,header:X-Token', COOKIE_PREFIX: 'on' });
    const { body } = await own.http.get('/openapi.json').expect(200);
    expect(body.components.securitySchemes).toMatchObject({
      cookie: { in: 'cookie', name: '__Host-access_token' },
      query: { in: 'query', name: 'access_token' },
      'header.X-Token': { in: 'header', name: 'X-Token' },
      refreshCookie: { in: 'cookie', name: '__Secure-refresh_token' },
    });
    const byBearer = operations(body).filter(([, { security }]) => security.some((way: Json) => 'bearer' in way));
    // What asks there authenticates as OAuth says, whatever the sources are.
    expect(byBearer.map(([line]) => line).filter((line) => !/ \/oauth\//.test(line))).toEqual([]);
    const scopes = ['profile:read'];
    expect(body.paths['/me'].get.security).toEqual([
      { cookie: scopes },
      { query: scopes },
      { 'header.X-Token': scopes },
    ]);
    expect(await new Validator().validate(body)).toEqual({ valid: true });
  });
});

describe('What a row asks of a token', () => {
  const of = (line: string) => Object.fromEntries(operations())[line];
  const refusals = (line: string, status: number) =>
    of(line).responses[status]?.$ref.split('/').pop().replace(/^\d+_/, '').split('_or_') ?? [];

  it('is told for every row: its permission, and whether an API key may be the token', () => {
    for (const row of routes) {
      const operation = of(`${row.method} ${row.path}`);
      expect([operation['x-permission'], operation['x-tokens']], operation.operationId).toEqual([
        row.permission,
        tokensOf(row),
      ]);
    }
    expect(['GET /welcome', 'GET /todos', 'GET /auth/sessions'].map((line) => of(line)['x-tokens'])).toEqual([
      'any',
      'any',
      'session',
    ]);
    expect(of('POST /auth/login')).not.toHaveProperty('x-tokens');
  });

  it('is in the description, for people', () => {
    expect(of('GET /admin/users').description).toMatch(
      /^Needs the permission `users:read`; an API key that has it will do\./,
    );
    expect(of('GET /welcome').description).toBe('Any access token or API key will do.');
    expect(of('GET /auth/sessions').description ?? '').not.toMatch(/API key|permission/);
  });

  it('is in its refusals: a key is told to use a session only where it must, and a permission only lacks where one is asked', () => {
    expect(refusals('GET /welcome', 403)).toEqual(['account_disabled']);
    expect(refusals('GET /todos', 403)).toEqual(['account_disabled', 'forbidden']);
    expect(refusals('GET /auth/sessions', 403)).toEqual(['account_disabled', 'session_required']);
    expect(refusals('GET /todos', 401)).toContain('api_key_revoked');
    expect(refusals('POST /auth/login', 401)).not.toContain('api_key_revoked');
  });

  it('names every permission in the security schemes', () => {
    const { apiKey, bearer } = contract.components.securitySchemes;
    expect([apiKey.scheme, apiKey.bearerFormat]).toEqual(['bearer', 'API key']);
    for (const { name, description } of permissions)
      for (const scheme of [apiKey, bearer]) expect(scheme.description).toContain(`\`${name}\`: ${description}`);
  });
});

describe('The server of the contract', () => {
  it('is this one, below the path of JWT_ISSUER', async () => {
    const own = await startAppForTest({ JWT_ISSUER: 'https://auth.example/gate' });
    expect((await own.http.get('/openapi.json')).body.servers).toEqual([{ url: '/gate' }]);
    expect((await app.http.get('/openapi.json')).body.servers).toEqual([{ url: '/' }]);
  });
});

describe('A custom row', () => {
  it('is in the contract, with the responses of its guard, path, body, role and limit', async () => {
    const writeNote = endpoint({
      name: 'writeNote',
      summary: 'Write a note',
      body: z.strictObject({ text: z.string() }),
      reply: [201, z.object({ text: z.string() })],
      errors: ['username_taken'],
      handler: ({ body }) => ({ body }),
    });
    const rows: Row[] = [
      POST('/notes/{id}', { guard: verifiedEmail, role: 'editor', limit: mailLimit }, writeNote),
      GET(
        '/openapi.json',
        { guard: open },
        contractEndpoint(() => rows),
      ),
    ];
    const { body } = await (await serveRows(app, rows)).get('/openapi.json').expect(200);
    expect(await new Validator().validate(body)).toEqual({ valid: true });
    const { post } = body.paths['/notes/{id}'];
    expect(post).toMatchObject({
      operationId: 'writeNote',
      security: [{ bearer: [] }, { cookie: [] }],
      parameters: [{ in: 'path', name: 'id', required: true }],
      requestBody: { required: true },
    });
    expect(Object.keys(post.responses).map(Number)).toEqual([
      201, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 431, 500, 503,
    ]);
    const codesAt = (status: number) => body.components.responses[post.responses[status].$ref.split('/')[3]];
    const at403: ErrorCode[] = [
      'account_disabled',
      'email_unverified',
      'csrf_rejected',
      'forbidden',
      'session_required',
    ];
    expect(Object.keys(codesAt(403).content['application/problem+json'].examples)).toEqual(at403);
  });
});

/** Every media type in a document, with its place. */
function* mediaTypes(node: Json, at: string[]): Generator<[string[], Json]> {
  if (node === null || typeof node !== 'object') return;
  for (const [key, value] of Object.entries<Json>(node)) {
    if (key === 'application/json') yield [[...at, key], value];
    else yield* mediaTypes(value, [...at, key]);
  }
}

/** Object schemas that do not mention further properties; in an `allOf`, the other parts do. */
function openObjects(node: Json, at: string[]): string[] {
  if (node === null || typeof node !== 'object' || at.includes('allOf') || at.at(-1) === 'example') return [];
  const open = node.type === 'object' && node.properties && node.additionalProperties === undefined;
  return [
    ...(open ? [at.join('.')] : []),
    ...Object.entries(node).flatMap(([key, value]) => openObjects(value, [...at, key])),
  ];
}
