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
import { routes } from '../../src/routes.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { schemaViolations } from '../support/contract.js';
import { serveRows } from '../support/rows-app.js';

// biome-ignore lint/suspicious/noExplicitAny: a document is read by its paths.
type Json = any;

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
  it('is a valid OpenAPI 3.1 document, in JSON, for anybody', async () => {
    const { headers, body } = await app.http.get('/openapi.json').expect(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(await new Validator().validate(body)).toEqual({ valid: true });
    expect(body.openapi).toMatch(/^3\.1\./);
  });

  it('names every row of the route table, and nothing else', () => {
    expect(
      operations()
        .map(([line]) => line)
        .sort(),
    ).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('gives each operation a heading, a line for people, and a name that no other has', () => {
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

  it('tells every refusal of the catalogue at its status, with an example', () => {
    for (const [code, { status }] of Object.entries(errorCatalogue)) {
      const told = Object.entries<Json>(contract.components.responses).filter(
        ([, { content }]) => code in content['application/problem+json'].examples,
      );
      // No operation is by a method that its path does not take.
      if (code !== 'method_not_allowed') expect(told.length, code).toBeGreaterThan(0);
      expect(told.filter(([id]) => !id.startsWith(`${status}_`) && !id.startsWith('408_'))).toEqual([]);
      expect(contract.components.examples[code].value).toMatchObject({ status });
    }
  });

  it('gives no example that is against its schema', () => {
    const examples = [...mediaTypes(contract, [])].filter(([, { example }]) => example !== undefined);
    expect(examples.length).toBeGreaterThan(30);
    for (const [at, { example }] of examples)
      expect(schemaViolations([...at, 'schema'], JSON.stringify(example)), at.join(' ')).toEqual([]);
    for (const { value } of Object.values<Json>(contract.components.examples))
      expect(schemaViolations(['components', 'schemas', 'Problem'], JSON.stringify(value))).toEqual([]);
  });

  it('leaves no object open by mistake', () => {
    expect(openObjects(contract.components.schemas, [])).toEqual([]);
    expect(openObjects(contract.paths, [])).toEqual([]);
  });

  it('is told by the command line as it is served, always the same', async () => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const run = async (script: string) => (await promisify(execFile)(process.execPath, [script], { cwd })).stdout;
    await run('scripts/build.mjs');
    const printed = await run('scripts/write-openapi.mjs');
    expect(JSON.parse(printed)).toEqual(contract);
    expect(await run('scripts/write-openapi.mjs')).toBe(printed);
  });
});

describe('Who may ask', () => {
  it('is told for every row', () => {
    const security = Object.fromEntries(operations().map(([line, operation]) => [line, operation.security]));
    expect(security).toMatchObject({
      'POST /auth/login': [],
      'GET /me': [{ bearer: [] }, { cookie: [] }],
      'POST /auth/email/resend': [{ bearer: [] }, { cookie: [] }, {}],
      'POST /auth/refresh': [{ refreshCookie: [] }, {}],
      'POST /auth/logout': [{ bearer: [] }, { cookie: [] }, { refreshCookie: [] }, {}],
    });
  });

  it('is by the sources that are switched on, and by the cookies’ own names', async () => {
    const own = await startAppForTest({ ACCESS_TOKEN_SOURCES: 'cookie,query,header:X-Token', COOKIE_PREFIX: 'on' });
    const { body } = await own.http.get('/openapi.json').expect(200);
    expect(body.components.securitySchemes).toMatchObject({
      cookie: { in: 'cookie', name: '__Host-access_token' },
      query: { in: 'query', name: 'access_token' },
      'header.X-Token': { in: 'header', name: 'X-Token' },
      refreshCookie: { in: 'cookie', name: '__Secure-refresh_token' },
    });
    expect(body.components.securitySchemes).not.toHaveProperty('bearer');
    expect(body.paths['/me'].get.security).toEqual([{ cookie: [] }, { query: [] }, { 'header.X-Token': [] }]);
    expect(await new Validator().validate(body)).toEqual({ valid: true });
  });
});

describe('A row of one’s own', () => {
  it('is in the contract by being in the table, with what its guard, path, body, role and limit may answer', async () => {
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
    const at403: ErrorCode[] = ['email_unverified', 'csrf_rejected', 'forbidden'];
    expect(Object.keys(codesAt(403).content['application/problem+json'].examples)).toEqual(at403);
  });
});

/** Everything in a document that has a media type, with where it stands. */
function* mediaTypes(node: Json, at: string[]): Generator<[string[], Json]> {
  if (node === null || typeof node !== 'object') return;
  for (const [key, value] of Object.entries<Json>(node)) {
    if (key === 'application/json') yield [[...at, key], value];
    else yield* mediaTypes(value, [...at, key]);
  }
}

/** Schemas of objects that say nothing about further properties; a part of an `allOf` leaves that to the others. */
function openObjects(node: Json, at: string[]): string[] {
  if (node === null || typeof node !== 'object' || at.includes('allOf') || at.at(-1) === 'example') return [];
  const open = node.type === 'object' && node.properties && node.additionalProperties === undefined;
  return [
    ...(open ? [at.join('.')] : []),
    ...Object.entries(node).flatMap(([key, value]) => openObjects(value, [...at, key])),
  ];
}
