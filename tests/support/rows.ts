import { z } from 'zod';
import { changeUser } from '../../src/admin/user-changes.js';
import type { Row } from '../../src/endpoint.js';
import { withoutDefault } from '../../src/platform/http/body-fields.js';
import { routes } from '../../src/routes.js';
import type { SignedUp, TestApp } from './app.js';

/** A row of the route table with a name for test titles. */
export type NamedRow = { name: string; row: Row };

/** Guards that need no access token. */
const withoutToken = [
  'open',
  'password',
  'passkey',
  'second-factor',
  'refresh-token',
  'metrics-token',
  'provider-answer',
  'external-code',
  'oauth-client',
  'token-holder',
  'issuer-path',
];

// A stream never ends by itself: tests/revocation-list listens to it.
const answering = routes.filter(({ endpoint }) => endpoint.reply[1] !== 'text/event-stream');

export const rows: NamedRow[] = answering.map((row) => ({ name: `${row.method} ${row.path}`, row }));
export const guardedRows = rows.filter(({ row }) => !withoutToken.includes(row.guard.name));
export const bodyRows = rows.filter(({ row }) => row.endpoint.body !== undefined && !row.endpoint.form);
/** Rows that read a form. */
export const formRows = rows.filter(({ row }) => row.endpoint.form !== undefined);
export const idRows = rows.filter(({ row }) => row.path.includes('{id}'));

const unknownId = '01890a5d-ac96-774b-bcce-b302099a8057';

/** The path of a row; by default its `{id}` belongs to nothing, as does a second id. */
export function pathOf({ path }: Row, id = unknownId, innerId = unknownId): string {
  return path.replace('{id}', id).replace(/\{\w+_id\}/, innerId);
}

/** A request for a row. */
export function ask({ http }: Pick<TestApp, 'http'>, row: Row, path = pathOf(row)) {
  return http[row.method.toLowerCase() as 'get'](path);
}

/** The header that a row needs, if it needs one. */
export function credentialsFor(row: Row, user: SignedUp): Record<string, string> {
  return withoutToken.includes(row.guard.name) ? {} : user.bearer;
}

/** Every field of a row's body, with its schema. */
function shapeOf({ endpoint: { body } }: Row): Record<string, z.ZodType> {
  const schema = body && withoutDefault(body);
  return schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {};
}

/** The names of the fields of a row's body. */
export function fieldsOf(row: Row): string[] {
  return Object.keys(shapeOf(row));
}

/** A new user who has access to the row. */
export async function userFor(app: TestApp, { role, permission }: Row): Promise<SignedUp> {
  const user = await app.signUp();
  // An admin has all permissions.
  const needed = role ?? (permission === undefined ? undefined : 'admin');
  return needed === undefined ? user : withRole(app, user, needed);
}

/** Gives the user this role only, and logs them in again. */
export async function withRole(app: TestApp, user: SignedUp, role: string): Promise<SignedUp> {
  await changeUser(app.deps, user.userId, { roles: [role] }, {}, 'all');
  const { body } = await app.http.post('/auth/login').send({ username: user.username, password: user.password });
  return {
    ...user,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    sessionId: body.session_id,
    bearer: { Authorization: `Bearer ${body.access_token}` },
  };
}

/** A body with every field of the row, each of the right type, from the examples of its schemas. */
export function goodBody(row: Row): Record<string, unknown> {
  const { body } = row.endpoint;
  const example = (body && withoutDefault(body).meta()?.example) as Record<string, unknown> | undefined;
  return Object.fromEntries(
    Object.entries(shapeOf(row)).map(([field, schema]) => [
      field,
      unlikeExample(field, example?.[field] ?? goodValue(row, field, schema)),
    ]),
  );
}

/** The same; where all fields may not stand together, only those of the example. */
export function possibleBody(row: Row): Record<string, unknown> {
  const { body } = row.endpoint;
  const all = goodBody(row);
  if (!body || body.safeParse(all).success) return all;
  const example = withoutDefault(body).meta()?.example as Record<string, unknown>;
  return Object.fromEntries(Object.entries(all).filter(([field]) => field in example));
}

/** What stands in the contract is no secret, so a secret that is sent must be another. */
function unlikeExample(field: string, value: unknown): unknown {
  return typeof value === 'string' && /password|^token$|_token$|verifier|invitation/.test(field)
    ? `${value.slice(0, -4)}sent`
    : value;
}

/** A good value for a field that the body's own example leaves out. */
function goodValue(row: Row, field: string, schema: z.ZodType): unknown {
  for (let inner = schema; ; inner = inner.unwrap() as z.ZodType) {
    const example = inner.meta()?.example;
    if (example !== undefined) return example;
    if (inner instanceof z.ZodBoolean) return true;
    if (inner instanceof z.ZodEnum) return inner.options[0];
    if (!(inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable))
      throw new Error(`Give ${field} of ${row.method} ${row.path} an example: .meta({ example: … }).`);
  }
}
